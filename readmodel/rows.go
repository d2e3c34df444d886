package readmodel

import (
	"time"

	"jangbu/events"
)

// EventStats is the row of one campaign in the projection "event_stats": who
// owns it, what it costs and promises, and how many came. Its position is that
// of the last event of any kind about the campaign.
type EventStats struct {
	Campaign events.Campaign

	// Known is false while the campaign is known only by its participants,
	// distributions or figures; then everything down to NewCustomerLTV is zero.
	Known     bool
	Shop      events.Shop
	Title     string
	Objective string
	StartsAt  time.Time // zero: unknown
	EndsAt    time.Time // zero: unknown

	// Amounts are nil where the owner gave none.
	PrizeCost             *events.Won
	PlatformCost          *events.Won
	ExpectedSalesIncrease *events.Won
	BaselineSales         *events.Won
	NewCustomerLTV        *events.Won

	Participants int64
	NewCustomers int64

	Position  events.Position
	UpdatedAt time.Time // RecordedAt of the event at Position
}

// ChannelKey is the key of a [ChannelStats] row.
type ChannelKey struct {
	Campaign events.Campaign
	// Channel is one of the five, or the free text by which participants came.
	Channel string
}

// ChannelStats is the row of one channel of one campaign in the projection
// "channel_stats".
type ChannelStats struct {
	ChannelKey

	// DistributedAt is the latest completion; zero: never distributed.
	DistributedAt time.Time
	// Cost is the sum of the distributions' costs, saturated (see [AddWon]).
	Cost events.Won
	// Participants who came through the channel.
	Participants int64
	// Figures as the channel last reported them (I8).
	Impressions Figure
	Views       Figure
	Clicks      Figure
	Likes       Figure
	Comments    Figure
	Shares      Figure
	// FetchedAt is the latest report; zero: the channel never answered.
	FetchedAt time.Time
}

// Figure is a cumulative figure of a channel and when it was fetched. The zero
// value is unknown, which is not zero (I8).
type Figure struct {
	Value int64
	At    time.Time // zero: unknown
}

// Known reports whether the channel ever reported the figure.
func (f Figure) Known() bool { return !f.At.IsZero() }

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

// Dimension is what a [ProfileCount] counts by.
type Dimension string

// The dimensions of the participants' profile.
const (
	Gender   Dimension = "gender"
	AgeGroup Dimension = "ageGroup"
	Region   Dimension = "region"
	Customer Dimension = "customer" // new, returning or unknown, see below
)

// Values of the dimensions that are ours; the others are the producers'.
const (
	NewCustomer       = "new"
	ReturningCustomer = "returning"
	UnknownValue      = "unknown" // in every dimension: the producer sent none
)

// ProfileKey is the key of a [ProfileCount] row.
type ProfileKey struct {
	Campaign  events.Campaign
	Dimension Dimension
	Value     string // [UnknownValue] where the producer sent none
}

// ProfileCount is the row of one value of one dimension of one campaign in the
// projection "participant_profile".
type ProfileCount struct {
	ProfileKey
	Participants int64
}

// Keys names rows of all four tables: what a batch touches.
type Keys struct {
	Events   map[events.Campaign]struct{}
	Channels map[ChannelKey]struct{}
	Hours    map[HourKey]struct{}
	Profiles map[ProfileKey]struct{}
}

// NewKeys returns no keys.
func NewKeys() *Keys {
	return &Keys{
		Events:   make(map[events.Campaign]struct{}),
		Channels: make(map[ChannelKey]struct{}),
		Hours:    make(map[HourKey]struct{}),
		Profiles: make(map[ProfileKey]struct{}),
	}
}

// Rows holds rows of all four tables in memory: what a fold works on. A table
// of which a projection has no row is empty. Not safe for concurrent use.
type Rows struct {
	Events   map[events.Campaign]*EventStats
	Channels map[ChannelKey]*ChannelStats
	Hours    map[HourKey]*ParticipationHour
	Profiles map[ProfileKey]*ProfileCount
}

// NewRows returns no rows.
func NewRows() *Rows {
	return &Rows{
		Events:   make(map[events.Campaign]*EventStats),
		Channels: make(map[ChannelKey]*ChannelStats),
		Hours:    make(map[HourKey]*ParticipationHour),
		Profiles: make(map[ProfileKey]*ProfileCount),
	}
}

// Event returns the campaign's row, new where there was none.
func (r *Rows) Event(c events.Campaign) *EventStats {
	row := r.Events[c]
	if row == nil {
		row = &EventStats{Campaign: c}
		r.Events[c] = row
	}
	return row
}

// Channel returns the channel's row, new where there was none.
func (r *Rows) Channel(k ChannelKey) *ChannelStats {
	row := r.Channels[k]
	if row == nil {
		row = &ChannelStats{ChannelKey: k}
		r.Channels[k] = row
	}
	return row
}

// Hour returns the hour's row, new where there was none.
func (r *Rows) Hour(k HourKey) *ParticipationHour {
	row := r.Hours[k]
	if row == nil {
		row = &ParticipationHour{HourKey: k}
		r.Hours[k] = row
	}
	return row
}

// Profile returns the value's row, new where there was none.
func (r *Rows) Profile(k ProfileKey) *ProfileCount {
	row := r.Profiles[k]
	if row == nil {
		row = &ProfileCount{ProfileKey: k}
		r.Profiles[k] = row
	}
	return row
}
