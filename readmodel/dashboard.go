package readmodel

import (
	"time"

	"jangbu/events"
)

// Dashboard is one campaign as its owner sees it. Its JSON is a contract:
// members are added, never renamed. Null stands for what is unknown, for a ratio
// whose divisor is 0 or unknown, and for an amount beyond what fits (I8, I11).
// Percentages are rounded to two decimals, halves away from zero. Times are in
// the view's location, to the second.
type Dashboard struct {
	Campaign events.Campaign `json:"eventId"`

	// Nil while the campaign is known only by its participants, distributions
	// or figures; the times also where the owner gave none.
	Store     *events.Store `json:"storeId"`
	Title     *string       `json:"title"`
	Objective *string       `json:"objective"`
	StartsAt  *time.Time    `json:"startsAt"`
	EndsAt    *time.Time    `json:"endsAt"`

	// Position is that of the last event about the campaign, UpdatedAt when it
	// was appended to the log.
	Position  events.Position `json:"position"`
	UpdatedAt *time.Time      `json:"updatedAt"`

	Summary   Summary       `json:"summary"`
	Economics Economics     `json:"economics"`
	Channels  []ChannelView `json:"channels"`
	Trend     []Bucket      `json:"trend"`
	Profile   Profile       `json:"profile"`
}

// Summary is the four numbers at the top of a [Dashboard].
type Summary struct {
	TotalParticipants int64 `json:"totalParticipants"`
	// TotalExposure is the sum of the channels' exposure; one of which nothing
	// is known adds 0.
	TotalExposure int64 `json:"totalExposure"`
	// ROIPercent is (expected revenue - total cost) / total cost × 100.
	ROIPercent *float64 `json:"roiPercent"`
	// SalesGrowthPercent is sales increase / baseline × 100.
	SalesGrowthPercent *float64 `json:"salesGrowthPercent"`
}

// Economics is what a campaign costs and promises, in won. An amount that the
// owner did not give is 0; one that does not fit is nil.
type Economics struct {
	PrizeCost        events.Won  `json:"prizeCost"`
	PlatformCost     events.Won  `json:"platformCost"`
	DistributionCost *events.Won `json:"distributionCost"` // sum over all channels
	TotalCost        *events.Won `json:"totalCost"`        // sum of the three above
	SalesIncrease    events.Won  `json:"salesIncrease"`
	NewCustomers     int64       `json:"newCustomers"`
	NewCustomerLTV   events.Won  `json:"newCustomerLtv"`  // per new customer
	ExpectedRevenue  *events.Won `json:"expectedRevenue"` // sales increase + new customers × LTV
}

// Status says how far a channel's figures can be relied on.
type Status string

// The statuses.
const (
	Fresh       Status = "fresh"
	Stale       Status = "stale"       // older than three polling intervals
	Unavailable Status = "unavailable" // never fetched
)

// ChannelView is one channel in a [Dashboard]. Figures are nil where the channel
// never reported them (I8).
type ChannelView struct {
	Channel       events.Channel `json:"channel"`
	DistributedAt *time.Time     `json:"distributedAt"` // nil: never distributed
	Impressions   *int64         `json:"impressions"`
	Views         *int64         `json:"views"`
	Clicks        *int64         `json:"clicks"`
	Likes         *int64         `json:"likes"`
	Comments      *int64         `json:"comments"`
	Shares        *int64         `json:"shares"`
	// Exposure is the impressions, or the views where the channel reports no
	// impressions; nil where it reported neither.
	Exposure     *int64 `json:"exposure"`
	Participants int64  `json:"participants"`
	// ConversionPercent is participants / exposure × 100.
	ConversionPercent *float64   `json:"conversionPercent"`
	Status            Status     `json:"status"`
	FetchedAt         *time.Time `json:"fetchedAt"`
}

// Profile is who the participants are: how many there are of each value. Customer
// always has its three values; the others have those that occur.
type Profile struct {
	Gender   map[string]int64 `json:"gender"`
	AgeGroup map[string]int64 `json:"ageGroup"`
	Region   map[string]int64 `json:"region"`
	Customer map[string]int64 `json:"customer"`
}

// NewDashboard returns the campaign's dashboard as seen in a view that
// [View.Validate] accepts. Equal rows and views give equal dashboards.
func NewDashboard(rows CampaignRows, v View) Dashboard {
	v = v.withDefaults()
	event := rows.Event
	d := Dashboard{
		Campaign:  event.Campaign,
		StartsAt:  v.local(event.StartsAt),
		EndsAt:    v.local(event.EndsAt),
		Position:  event.Position,
		UpdatedAt: v.local(event.UpdatedAt),
		Channels:  channelViews(rows.Channels, v),
		Trend:     trend(rows.Hours, v),
		Profile:   profile(rows.Profiles),
	}
	if event.Known {
		d.Store, d.Title, d.Objective = &event.Store, &event.Title, &event.Objective
	}
	d.Summary.TotalParticipants = event.Participants
	for _, ch := range d.Channels {
		if ch.Exposure != nil {
			d.Summary.TotalExposure += *ch.Exposure
		}
	}
	d.account(event, rows.Channels)
	return d
}

// account fills in the economics and the ratios that follow from them.
func (d *Dashboard) account(event EventStats, channels []ChannelStats) {
	var distribution events.Won
	for _, ch := range channels {
		distribution = AddWon(distribution, ch.Cost)
	}
	cost := AddWon(AddWon(orZero(event.PrizeCost), orZero(event.PlatformCost)), distribution)
	revenue := AddWon(orZero(event.ExpectedSalesIncrease), MulWon(orZero(event.NewCustomerLTV), event.NewCustomers))

	d.Economics = Economics{
		PrizeCost:        orZero(event.PrizeCost),
		PlatformCost:     orZero(event.PlatformCost),
		DistributionCost: shown(distribution),
		TotalCost:        shown(cost),
		SalesIncrease:    orZero(event.ExpectedSalesIncrease),
		NewCustomers:     event.NewCustomers,
		NewCustomerLTV:   orZero(event.NewCustomerLTV),
		ExpectedRevenue:  shown(revenue),
	}
	// Of a campaign whose creation is still to come, costs and promises are
	// unknown, whatever its distribution has cost so far.
	if event.Known && cost != WonOverflow && revenue != WonOverflow {
		d.Summary.ROIPercent = percent(int64(revenue-cost), int64(cost))
	}
	if event.ExpectedSalesIncrease != nil && event.BaselineSales != nil {
		d.Summary.SalesGrowthPercent = percent(int64(*event.ExpectedSalesIncrease), int64(*event.BaselineSales))
	}
}

// channelViews returns the channels that the campaign was distributed to or that
// reported figures, in the order in which channels are shown. Outlets by which
// participants came otherwise are none of them.
func channelViews(rows []ChannelStats, v View) []ChannelView {
	views := []ChannelView{}
	for _, channel := range events.Channels() {
		for _, row := range rows {
			if row.Channel == string(channel) && (!row.DistributedAt.IsZero() || !row.FetchedAt.IsZero()) {
				views = append(views, newChannelView(channel, row, v))
			}
		}
	}
	return views
}

func newChannelView(channel events.Channel, row ChannelStats, v View) ChannelView {
	view := ChannelView{
		Channel:       channel,
		DistributedAt: v.local(row.DistributedAt),
		Impressions:   reported(row.Impressions),
		Views:         reported(row.Views),
		Clicks:        reported(row.Clicks),
		Likes:         reported(row.Likes),
		Comments:      reported(row.Comments),
		Shares:        reported(row.Shares),
		Participants:  row.Participants,
		Status:        v.status(row),
		FetchedAt:     v.local(row.FetchedAt),
	}
	view.Exposure = view.Impressions
	if view.Exposure == nil {
		view.Exposure = view.Views
	}
	if view.Exposure != nil {
		view.ConversionPercent = percent(row.Participants, *view.Exposure)
	}
	return view
}

func profile(rows []ProfileCount) Profile {
	p := Profile{
		Gender:   map[string]int64{},
		AgeGroup: map[string]int64{},
		Region:   map[string]int64{},
		Customer: map[string]int64{NewCustomer: 0, ReturningCustomer: 0, UnknownValue: 0},
	}
	for _, row := range rows {
		switch row.Dimension {
		case Gender:
			p.Gender[row.Value] += row.Participants
		case AgeGroup:
			p.AgeGroup[row.Value] += row.Participants
		case Region:
			p.Region[row.Value] += row.Participants
		case Customer:
			p.Customer[row.Value] += row.Participants
		}
	}
	return p
}

// reported returns the figure's value; nil where it is unknown (I8).
func reported(f Figure) *int64 {
	if !f.Known() {
		return nil
	}
	return &f.Value
}

// shown returns the amount; nil where it is beyond what fits (I11).
func shown(a events.Won) *events.Won {
	if a == WonOverflow {
		return nil
	}
	return &a
}

func orZero(a *events.Won) events.Won {
	if a == nil {
		return 0
	}
	return *a
}
