package dashboard

import (
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// Dashboard is one campaign as its owner sees it. Its JSON is a contract:
// members are added, never renamed. Null stands for what is unknown, for a ratio
// whose divisor is 0 or unknown, and for an amount beyond what fits (I8, I11).
// Percentages are rounded to two decimals, halves away from zero. Times are in
// the view's location, to the second.
type Dashboard struct {
	Campaign events.Campaign `json:"eventId"`

	// The members below are nil until the creation of the campaign has been seen. The
	// times are nil also where the owner did not give them.
	Shop      *events.Shop `json:"storeId"`
	Title     *string      `json:"title"`
	Objective *string      `json:"objective"`
	StartsAt  *time.Time   `json:"startsAt"`
	EndsAt    *time.Time   `json:"endsAt"`

	// Position is that of the last event about the campaign that is not withdrawn, and
	// UpdatedAt is when that event was appended to the log.
	Position  events.Position `json:"position"`
	UpdatedAt *time.Time      `json:"updatedAt"`

	Summary   Summary       `json:"summary"`
	Economics Economics     `json:"economics"`
	Channels  []ChannelView `json:"channels"`
	Trend     []Bucket      `json:"trend"`
	// Interval is the length of the trend's buckets: the view's, or a longer one where
	// that would have made more than MaxBuckets.
	Interval Interval `json:"interval"`
	Outside  Outside  `json:"outside"`
	Profile  Profile  `json:"profile"`
}

// Status says how current a channel's figures are.
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

// New returns the campaign's dashboard in a view that [View.Validate] accepts. Equal rows and
// views give equal dashboards.
func New(rows readmodel.CampaignRows, v View) Dashboard {
	v = v.withDefaults()
	card, economics := newCard(*rows.Campaign(), rows.Channels(), v)
	buckets, interval, outside := trend(rows.Hours(), *rows.Campaign(), v)
	return Dashboard{
		Campaign:  card.Campaign,
		Shop:      card.Shop,
		Title:     card.Title,
		Objective: card.Objective,
		StartsAt:  card.StartsAt,
		EndsAt:    card.EndsAt,
		Position:  card.Position,
		UpdatedAt: card.UpdatedAt,
		Summary:   card.Summary,
		Economics: economics,
		Channels:  channelViews(rows.Channels(), v),
		Trend:     buckets,
		Interval:  interval,
		Outside:   outside,
		Profile:   profile(rows.Profiles()),
	}
}

// channelViews returns the channels of a dashboard, in the order of [events.Channels].
func channelViews(rows []readmodel.ChannelStats, v View) []ChannelView {
	views := []ChannelView{}
	for _, channel := range events.Channels() {
		for _, row := range rows {
			if row.Channel == string(channel) && hasView(row) {
				views = append(views, newChannelView(channel, row, v))
			}
		}
	}
	return views
}

// hasView reports whether the campaign was distributed to the channel or the channel
// reported figures. Other texts that registrations name have no view.
func hasView(row readmodel.ChannelStats) bool {
	return events.Channel(row.Channel).Known() && (!row.DistributedAt.IsZero() || !row.FetchedAt.IsZero())
}

func newChannelView(channel events.Channel, row readmodel.ChannelStats, v View) ChannelView {
	view := ChannelView{
		Channel:       channel,
		DistributedAt: v.local(row.DistributedAt),
		Impressions:   reported(row.Impressions),
		Views:         reported(row.Views),
		Clicks:        reported(row.Clicks),
		Likes:         reported(row.Likes),
		Comments:      reported(row.Comments),
		Shares:        reported(row.Shares),
		Exposure:      exposure(row),
		Participants:  row.Participants,
		Status:        v.status(row),
		FetchedAt:     v.local(row.FetchedAt),
	}
	if view.Exposure != nil {
		view.ConversionPercent = percent(row.Participants, *view.Exposure)
	}
	return view
}

// reported returns the figure's value; nil where it is unknown (I8).
func reported(f readmodel.Figure) *int64 {
	if !f.Known() {
		return nil
	}
	return &f.Value
}
