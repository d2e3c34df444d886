package readmodel

import (
	"time"

	"jangbu/events"
)

// ChannelKey is the key of a [ChannelStats] row.
type ChannelKey struct {
	Campaign events.Campaign
	// Channel is one of what [events.ChannelNamed] returns.
	Channel string
}

// ChannelStats is the row of one channel of one campaign in the projection
// "channel_stats".
type ChannelStats struct {
	ChannelKey

	// DistributedAt is when the latest distribution completed; zero: never distributed.
	DistributedAt time.Time
	// Cost is the sum of the costs that distributions stated, saturated (see [AddWon]); nil
	// where none stated one (I8).
	Cost *events.Won
	// Participants counts the registrations through the channel.
	Participants int64
	// The figures are as the channel last reported them (I8).
	Impressions Figure
	Views       Figure
	Clicks      Figure
	Likes       Figure
	Comments    Figure
	Shares      Figure
	// FetchedAt is when the channel last reported; zero: it never did.
	FetchedAt time.Time
}

// Figure is a cumulative number that a channel reports, and when it was fetched. The
// zero value is unknown, which is not zero (I8).
type Figure struct {
	Value int64
	At    time.Time // zero: unknown
}

// Known reports whether the channel ever reported the figure.
func (f Figure) Known() bool { return !f.At.IsZero() }

// ChannelStatsTable describes table "channel_stats".
func ChannelStatsTable() *Table {
	return NewTable("channel_stats", func(r *ChannelStats) *ChannelKey { return &r.ChannelKey },
		[]Column{
			Field("campaign", func(k *ChannelKey) *string { return (*string)(&k.Campaign) }),
			Field("channel", func(k *ChannelKey) *string { return &k.Channel }),
		},
		Field("distributed_at", func(r *ChannelStats) *time.Time { return &r.DistributedAt }),
		Field("cost_won", func(r *ChannelStats) **events.Won { return &r.Cost }),
		Field("participants", func(r *ChannelStats) *int64 { return &r.Participants }),
		Field("impressions", func(r *ChannelStats) *Figure { return &r.Impressions }),
		Field("impressions_at", func(r *ChannelStats) *time.Time { return &r.Impressions.At }),
		Field("views", func(r *ChannelStats) *Figure { return &r.Views }),
		Field("views_at", func(r *ChannelStats) *time.Time { return &r.Views.At }),
		Field("clicks", func(r *ChannelStats) *Figure { return &r.Clicks }),
		Field("clicks_at", func(r *ChannelStats) *time.Time { return &r.Clicks.At }),
		Field("likes", func(r *ChannelStats) *Figure { return &r.Likes }),
		Field("likes_at", func(r *ChannelStats) *time.Time { return &r.Likes.At }),
		Field("comments", func(r *ChannelStats) *Figure { return &r.Comments }),
		Field("comments_at", func(r *ChannelStats) *time.Time { return &r.Comments.At }),
		Field("shares", func(r *ChannelStats) *Figure { return &r.Shares }),
		Field("shares_at", func(r *ChannelStats) *time.Time { return &r.Shares.At }),
		Field("fetched_at", func(r *ChannelStats) *time.Time { return &r.FetchedAt }),
	)
}

// Channel returns the channel's row, which it adds where there is none.
func (r *Rows) Channel(k ChannelKey) *ChannelStats { return Row[ChannelStats](r, k) }

// Channels returns the rows of all channels.
func (r *Rows) Channels() map[ChannelKey]*ChannelStats { return RowsOf[ChannelStats, ChannelKey](r) }

// Channels returns the rows of the campaign's channels.
func (r CampaignRows) Channels() []ChannelStats { return listOf[ChannelStats](r, "channel_stats") }
