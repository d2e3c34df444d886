package readmodel

import "jangbu/events"

// The labels of [ParticipantProfile.Customer]. Those of the others are what
// [events.GenderNamed], [events.AgeGroupNamed] and [events.RegionNamed] return.
const (
	NewCustomer       = "new"
	ReturningCustomer = "returning"
	UnknownValue      = events.UnknownName // of every dimension: the producer sent no value
)

// ParticipantProfile is the row of one campaign in the projection "participant_profile": its
// participants by each dimension, in each of which every participant counts once. It is one
// row, not one for each label, because a participant counts in four labels at once: as rows
// these were most of what a fold wrote.
type ParticipantProfile struct {
	Campaign events.Campaign

	Gender   Counts
	AgeGroup Counts
	Region   Counts
	Customer Counts // by [NewCustomer], [ReturningCustomer] and [UnknownValue]
}

// ParticipantProfileTable describes table "participant_profile".
func ParticipantProfileTable() *Table {
	return NewTable("participant_profile", func(r *ParticipantProfile) *events.Campaign { return &r.Campaign },
		[]Column{Field("campaign", func(k *events.Campaign) *string { return (*string)(k) })},
		Field("gender", func(r *ParticipantProfile) *Counts { return &r.Gender }),
		Field("age_group", func(r *ParticipantProfile) *Counts { return &r.AgeGroup }),
		Field("region", func(r *ParticipantProfile) *Counts { return &r.Region }),
		Field("customer", func(r *ParticipantProfile) *Counts { return &r.Customer }),
	)
}

// Profile returns the campaign's row, which it adds where there is none.
func (r *Rows) Profile(c events.Campaign) *ParticipantProfile { return Row[ParticipantProfile](r, c) }

// Profiles returns the rows of all campaigns.
func (r *Rows) Profiles() map[events.Campaign]*ParticipantProfile {
	return RowsOf[ParticipantProfile, events.Campaign](r)
}

// Profile returns the campaign's row; a zero one where there is none.
func (r CampaignRows) Profile() ParticipantProfile {
	if rows := listOf[ParticipantProfile](r, "participant_profile"); len(rows) > 0 {
		return rows[0]
	}
	return ParticipantProfile{}
}
