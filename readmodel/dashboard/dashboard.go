package dashboard

import (
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// Dashboard is one campaign as its owner sees it. Its JSON is a contract:
// members are added, never renamed. Null stands for what is unknown, for a ratio
// whose divisor is 0 or unknown, and for an amount beyond what fits (I8, I11).
// Percentages are rounded to two decimals, below 0.01 to two significant digits, halves away
// from zero. Times are in the view's location, to the second.
type Dashboard struct {
	Campaign events.Campaign `json:"eventId"`

	// The members below are nil until the creation of the campaign has been seen. The
	// title is nil also where nothing of it is visible, the times where the owner did not
	// give them.
	Shop      *events.Shop `json:"storeId"`
	Title     *string      `json:"title"`
	Objective *string      `json:"objective"`
	StartsAt  *time.Time   `json:"startsAt"`
	EndsAt    *time.Time   `json:"endsAt"`

	State State `json:"state"`

	// Position is that of the last event about the campaign that is not withdrawn, and
	// UpdatedAt is when that event was appended to the log.
	Position  events.Position `json:"position"`
	UpdatedAt *time.Time      `json:"updatedAt"`

	Summary   Summary       `json:"summary"`
	Economics Economics     `json:"economics"`
	Channels  []ChannelView `json:"channels"`
	Trend     []Bucket      `json:"trend"`
	// Interval is the length of the trend's buckets: the view's, or one by the length of the
	// trend, or a longer one where that would have made more than MaxBuckets.
	Interval Interval `json:"interval"`
	Outside  Outside  `json:"outside"`
	// Heat, and the day and hour of Best, are of the campaign's own period, whatever the
	// bounds of the view. Heat is nil where that has no participants.
	Heat *Heat `json:"heat"`
	Best Best  `json:"best"`
	// Comparison is nil unless the campaign runs.
	Comparison *Comparison `json:"comparison"`
	Goal       *Goal       `json:"goal"` // nil where the owner set none
	Profile    Profile     `json:"profile"`
	Digest     Digest      `json:"digest"`
}

// New returns the campaign's dashboard in a view that [View.Validate] accepts. Equal rows and
// views give equal dashboards.
func New(rows readmodel.CampaignRows, v View) Dashboard {
	v = v.withDefaults()
	campaign := *rows.Campaign()
	card, economics := newCard(campaign, rows.Channels(), v)
	buckets, interval, outside := trend(rows.Hours(), campaign, v)
	heat, best := v.heat(v.own(rows.Hours(), campaign))
	channels := channelViews(campaign, rows.Channels(), v)
	best.Channel = bestChannel(channels)
	d := Dashboard{
		Campaign:   card.Campaign,
		Shop:       card.Shop,
		Title:      card.Title,
		Objective:  card.Objective,
		StartsAt:   card.StartsAt,
		EndsAt:     card.EndsAt,
		State:      card.State,
		Position:   card.Position,
		UpdatedAt:  card.UpdatedAt,
		Summary:    card.Summary,
		Economics:  economics,
		Channels:   channels,
		Trend:      buckets,
		Interval:   interval,
		Outside:    outside,
		Heat:       heat,
		Best:       best,
		Comparison: v.compare(campaign, rows.Hours()),
		Goal:       v.goal(campaign, rows.Hours()),
		Profile:    profile(rows.Profile()),
	}
	d.Digest = v.digest(d, campaign)
	return d
}
