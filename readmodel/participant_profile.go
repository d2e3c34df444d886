package readmodel

import "jangbu/events"

// Dimension says what a [ProfileCount] counts by.
type Dimension string

// The dimensions of the participants' profile.
const (
	Gender   Dimension = "gender"
	AgeGroup Dimension = "ageGroup"
	Region   Dimension = "region"
	Customer Dimension = "customer" // [NewCustomer], [ReturningCustomer] or [UnknownValue]
)

// The values of [Customer]. Those of the others are what [events.GenderNamed],
// [events.AgeGroupNamed] and [events.RegionNamed] return.
const (
	NewCustomer       = "new"
	ReturningCustomer = "returning"
	UnknownValue      = events.UnknownName // in every dimension: the producer sent no value
)

// ProfileKey is the key of a [ProfileCount] row.
type ProfileKey struct {
	Campaign  events.Campaign
	Dimension Dimension
	Value     string
}

// ProfileCount is the row of one value of one dimension of one campaign in the
// projection "participant_profile".
type ProfileCount struct {
	ProfileKey
	Participants int64
}

// ParticipantProfileTable describes table "participant_profile".
func ParticipantProfileTable() *Table {
	return NewTable("participant_profile", func(r *ProfileCount) *ProfileKey { return &r.ProfileKey },
		[]Column{
			Field("campaign", func(k *ProfileKey) *string { return (*string)(&k.Campaign) }),
			Field("dimension", func(k *ProfileKey) *string { return (*string)(&k.Dimension) }),
			Field("value", func(k *ProfileKey) *string { return &k.Value }),
		},
		Field("participants", func(r *ProfileCount) *int64 { return &r.Participants }),
	)
}

// Profile returns the value's row, which it adds where there is none.
func (r *Rows) Profile(k ProfileKey) *ProfileCount { return Row[ProfileCount](r, k) }

// Profiles returns the rows of all values.
func (r *Rows) Profiles() map[ProfileKey]*ProfileCount { return RowsOf[ProfileCount, ProfileKey](r) }

// Profiles returns the rows of the campaign's values.
func (r CampaignRows) Profiles() []ProfileCount {
	return listOf[ProfileCount](r, "participant_profile")
}
