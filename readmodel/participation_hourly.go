package readmodel

import (
	"time"

	"jangbu/events"
)

// HourKey is the key of a [ParticipationHour] row.
type HourKey struct {
	Campaign events.Campaign
	Hour     time.Time // start of the hour, UTC
}

// ParticipationHour is the row of one hour of one campaign in the projection
// "participation_hourly". There is no row for an hour without a registration.
type ParticipationHour struct {
	HourKey
	Participants int64
}

// ParticipationHourlyTable describes table "participation_hourly".
func ParticipationHourlyTable() *Table {
	return NewTable("participation_hourly", func(r *ParticipationHour) *HourKey { return &r.HourKey },
		[]Column{
			Field("campaign", func(k *HourKey) *string { return (*string)(&k.Campaign) }),
			Field("hour", func(k *HourKey) *time.Time { return &k.Hour }),
		},
		Field("participants", func(r *ParticipationHour) *int64 { return &r.Participants }),
	)
}

// Hour returns the hour's row, which it adds where there is none.
func (r *Rows) Hour(k HourKey) *ParticipationHour { return Row[ParticipationHour](r, k) }

// Hours returns the rows of all hours.
func (r *Rows) Hours() map[HourKey]*ParticipationHour { return RowsOf[ParticipationHour, HourKey](r) }

// Hours returns the rows of the campaign's hours.
func (r CampaignRows) Hours() []ParticipationHour {
	return listOf[ParticipationHour](r, "participation_hourly")
}
