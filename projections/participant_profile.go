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
		Touch: func(keys *readmodel.Keys, e events.Recorded) {
			if fact, ok := e.Event.(*events.ParticipantRegistered); ok {
				all := profileKeys(fact)
				readmodel.Touch[readmodel.ProfileCount](keys, all[:]...)
			}
		},
		Fold: func(rows *readmodel.Rows, e events.Recorded) {
			if fact, ok := e.Event.(*events.ParticipantRegistered); ok {
				for _, k := range profileKeys(fact) {
					rows.Profile(k).Participants++
				}
			}
		},
	}
}

func profileKeys(fact *events.ParticipantRegistered) [4]readmodel.ProfileKey {
	customer := readmodel.UnknownValue
	if fact.NewCustomer != nil {
		customer = readmodel.ReturningCustomer
		if *fact.NewCustomer {
			customer = readmodel.NewCustomer
		}
	}
	return [4]readmodel.ProfileKey{
		profileKey(fact, readmodel.Gender, events.GenderNamed(fact.Gender)),
		profileKey(fact, readmodel.AgeGroup, events.AgeGroupNamed(fact.AgeGroup)),
		profileKey(fact, readmodel.Region, events.RegionNamed(fact.Region)),
		profileKey(fact, readmodel.Customer, customer),
	}
}

func profileKey(fact *events.ParticipantRegistered, d readmodel.Dimension, value string) readmodel.ProfileKey {
	return readmodel.ProfileKey{Campaign: fact.Campaign, Dimension: d, Value: value}
}
