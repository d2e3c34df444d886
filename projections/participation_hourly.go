package projections

import (
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// participationHourly counts registrations by the hour in which they occurred.
func participationHourly() Projection {
	return Projection{
		Table:   readmodel.ParticipationHourlyTable(),
		Version: 1,
		Touch: func(keys *readmodel.Keys, e *events.Recorded) {
			if fact, ok := e.Event.(*events.ParticipantRegistered); ok {
				readmodel.Touch[readmodel.ParticipationHour](keys, hourKey(fact, e.OccurredAt))
			}
		},
		Fold: func(rows *readmodel.Rows, e *events.Recorded) {
			if fact, ok := e.Event.(*events.ParticipantRegistered); ok {
				rows.Hour(hourKey(fact, e.OccurredAt)).Participants++
			}
		},
	}
}

func hourKey(fact *events.ParticipantRegistered, at time.Time) readmodel.HourKey {
	return readmodel.HourKey{Campaign: fact.Campaign, Hour: at.UTC().Truncate(time.Hour)}
}
