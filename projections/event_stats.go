package projections

import (
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

// eventStats keeps a campaign's description, with its shop, costs and expectations, and
// counts its participants.
func eventStats() Projection {
	return Projection{
		Table:   readmodel.CampaignStatsTable(),
		Version: 2,
		Touch: func(keys *readmodel.Keys, e *events.Recorded) {
			readmodel.Touch[readmodel.CampaignStats](keys, e.Event.Subject())
		},
		Fold: foldEventStats,
	}
}

func foldEventStats(rows *readmodel.Rows, e *events.Recorded) {
	row := rows.Campaign(e.Event.Subject())
	if e.Position <= row.Position {
		// A row that has already taken this event would count it twice (I1).
		panic(fmt.Sprintf("projections: position %d folded onto a row at position %d", e.Position, row.Position))
	}
	row.Position = e.Position
	row.UpdatedAt = e.RecordedAt

	switch fact := e.Event.(type) {
	case *events.EventCreated:
		describe(row, fact)
	case *events.ParticipantRegistered:
		row.Participants++
		if fact.NewCustomer != nil && *fact.NewCustomer {
			row.NewCustomers++
		}
	case *events.DistributionCompleted, *events.ChannelStatsFetched:
	case *events.EventsWithdrawn:
		// What it withdraws may be in the row already (I6).
		panic(fmt.Sprintf("projections: the withdrawal at position %d reached a fold", e.Position))
	}
}

// describe replaces the campaign's whole description by that of fact: of a campaign that
// is created again the last description counts.
func describe(row *readmodel.CampaignStats, fact *events.EventCreated) {
	row.Known = true
	row.Shop = fact.Shop
	row.Title = fact.Title
	row.Objective = fact.Objective
	row.StartsAt = stored(fact.StartsAt)
	row.EndsAt = stored(fact.EndsAt)
	// Amounts are shared with the event, which never changes.
	row.PrizeCost = fact.PrizeCost
	row.PlatformCost = fact.PlatformCost
	row.ExpectedSalesIncrease = fact.ExpectedSalesIncrease
	row.BaselineSales = fact.BaselineSales
	row.NewCustomerLTV = fact.NewCustomerLTV
	row.GoalMetric, row.GoalTarget = "", 0
	if g := fact.Goal; g != nil {
		row.GoalMetric, row.GoalTarget = g.Metric, g.Target
	}
}
