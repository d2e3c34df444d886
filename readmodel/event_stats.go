package readmodel

import (
	"time"

	"jangbu/events"
)

// CampaignStats is the row of one campaign in the projection "event_stats": its shop,
// its description, its amounts, and how many registered.
type CampaignStats struct {
	Campaign events.Campaign

	// Known is false until the creation of the campaign has been seen. Until then only
	// its participants, distributions or figures are known, and the fields from Shop
	// to GoalTarget are zero.
	Known     bool
	Shop      events.Shop
	Title     string
	Objective string
	StartsAt  time.Time // zero: unknown
	EndsAt    time.Time // zero: unknown

	// An amount is nil where the owner did not give it.
	PrizeCost             *events.Won
	PlatformCost          *events.Won
	ExpectedSalesIncrease *events.Won
	BaselineSales         *events.Won
	NewCustomerLTV        *events.Won

	// GoalMetric is empty and GoalTarget 0 where the owner set no goal.
	GoalMetric events.GoalMetric
	GoalTarget int64

	Participants int64
	NewCustomers int64

	// Position is that of the last event of any kind about the campaign that is not withdrawn.
	Position  events.Position
	UpdatedAt time.Time // RecordedAt of the event at Position
}

// CampaignStatsTable describes table "event_stats", whose rows say which campaigns
// exist and to which shop each belongs.
func CampaignStatsTable() *Table {
	return NewTable("event_stats", func(r *CampaignStats) *events.Campaign { return &r.Campaign },
		[]Column{
			Field("campaign", func(c *events.Campaign) *string { return (*string)(c) }),
		},
		Field("known", func(r *CampaignStats) *bool { return &r.Known }),
		Field("store", func(r *CampaignStats) *string { return (*string)(&r.Shop) }),
		Field("title", func(r *CampaignStats) *string { return &r.Title }),
		Field("objective", func(r *CampaignStats) *string { return &r.Objective }),
		Field("starts_at", func(r *CampaignStats) *time.Time { return &r.StartsAt }),
		Field("ends_at", func(r *CampaignStats) *time.Time { return &r.EndsAt }),
		Field("prize_cost_won", func(r *CampaignStats) **events.Won { return &r.PrizeCost }),
		Field("platform_cost_won", func(r *CampaignStats) **events.Won { return &r.PlatformCost }),
		Field("expected_sales_increase_won", func(r *CampaignStats) **events.Won { return &r.ExpectedSalesIncrease }),
		Field("baseline_sales_won", func(r *CampaignStats) **events.Won { return &r.BaselineSales }),
		Field("new_customer_ltv_won", func(r *CampaignStats) **events.Won { return &r.NewCustomerLTV }),
		Optional(Field("goal_metric", func(r *CampaignStats) *string { return (*string)(&r.GoalMetric) })),
		Optional(Field("goal_target", func(r *CampaignStats) *int64 { return &r.GoalTarget })),
		Field("participants", func(r *CampaignStats) *int64 { return &r.Participants }),
		Field("new_customers", func(r *CampaignStats) *int64 { return &r.NewCustomers }),
		Field("position", func(r *CampaignStats) *int64 { return (*int64)(&r.Position) }),
		Field("updated_at", func(r *CampaignStats) *time.Time { return &r.UpdatedAt }),
	)
}

// Campaign returns the campaign's row, which it adds where there is none.
func (r *Rows) Campaign(c events.Campaign) *CampaignStats { return Row[CampaignStats](r, c) }

// Campaigns returns the rows of all campaigns.
func (r *Rows) Campaigns() map[events.Campaign]*CampaignStats {
	return RowsOf[CampaignStats, events.Campaign](r)
}

// Campaign returns the campaign's row; a zero row where there is none.
func (r CampaignRows) Campaign() *CampaignStats {
	if rows := listOf[CampaignStats](r, "event_stats"); len(rows) > 0 {
		return &rows[0]
	}
	return &CampaignStats{}
}
