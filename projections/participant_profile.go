package projections

import (
	"jangbu/events"
	"jangbu/readmodel"
)

// participantProfile counts a campaign's participants by gender, age group,
// region, and whether they are new customers. Each participant counts once in
// each dimension, for the name that the text in the registration comes to.
func participantProfile() Projection {
	return Projection{
		Table:   readmodel.ParticipantProfileTable(),
		Version: 2,
		Touch: func(keys *readmodel.Keys, e *events.Recorded) {
			if fact, ok := e.Event.(*events.ParticipantRegistered); ok {
				readmodel.Touch[readmodel.ParticipantProfile](keys, fact.Campaign)
			}
		},
		Fold: func(rows *readmodel.Rows, e *events.Recorded) {
			if fact, ok := e.Event.(*events.ParticipantRegistered); ok {
				row := rows.Profile(fact.Campaign)
				row.Gender.Add(events.GenderNamed(fact.Gender), 1)
				row.AgeGroup.Add(events.AgeGroupNamed(fact.AgeGroup), 1)
				row.Region.Add(events.RegionNamed(fact.Region), 1)
				row.Customer.Add(customer(fact.NewCustomer), 1)
			}
		},
	}
}

func customer(isNew *bool) string {
	switch {
	case isNew == nil:
		return readmodel.UnknownValue
	case *isNew:
		return readmodel.NewCustomer
	default:
		return readmodel.ReturningCustomer
	}
}
