package dashboard

import (
	"slices"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// Status says how current a channel's figures are.
type Status string

// The statuses.
const (
	Fresh       Status = "fresh"
	Stale       Status = "stale"       // older than three polling intervals
	Unavailable Status = "unavailable" // never fetched
	Final       Status = "final"       // the campaign's channels are not polled any more
)

// Divisor is what a channel's conversion is a percentage of.
type Divisor string

// The divisors: the first of them that the channel reports is taken.
const (
	OfExposure  Divisor = "exposure"
	OfClicks    Divisor = "clicks"
	OfReactions Divisor = "reactions" // the likes, comments and shares together
)

// ChannelView is one channel in a [Dashboard]. Figures are nil where the channel
// never reported them (I8).
type ChannelView struct {
	Channel       events.Channel `json:"channel"`
	DistributedAt *time.Time     `json:"distributedAt"` // nil: never distributed
	// Cost is the sum of the costs of the distributions to the channel; nil where none
	// stated a cost.
	Cost        *events.Won `json:"cost"`
	Impressions *int64      `json:"impressions"`
	Views       *int64      `json:"views"`
	Clicks      *int64      `json:"clicks"`
	Likes       *int64      `json:"likes"`
	Comments    *int64      `json:"comments"`
	Shares      *int64      `json:"shares"`
	// Exposure is the larger of impressions and views; nil where neither was reported.
	Exposure     *int64 `json:"exposure"`
	Participants int64  `json:"participants"`
	// CostPerParticipant is cost / participants, in won, halves away from zero.
	CostPerParticipant *events.Won `json:"costPerParticipant"`
	// ConversionPercent is participants / what ConversionOf names × 100.
	ConversionPercent *float64 `json:"conversionPercent"`
	ConversionOf      *Divisor `json:"conversionOf"`
	// Status is nil where nothing is polled: the campaign was not distributed there, and
	// no figures have come from there.
	Status    *Status    `json:"status"`
	FetchedAt *time.Time `json:"fetchedAt"`
}

// channelOrder returns the channels in the order in which they are shown.
func channelOrder() []events.Channel {
	return append(events.Channels(), events.Onsite, events.OtherChannel, events.UnknownChannel)
}

// channelViews returns a row for each channel that the campaign was distributed to, that
// reported figures, or that brought participants. Their participants add up to all of the
// campaign's.
func channelViews(c readmodel.CampaignStats, rows []readmodel.ChannelStats, v View) []ChannelView {
	byChannel, rest := map[events.Channel]readmodel.ChannelStats{}, c.Participants
	for _, row := range rows {
		channel := events.Channel(row.Channel)
		rest -= row.Participants
		switch {
		case channel.Known():
			byChannel[channel] = row
		case channel == events.UnknownChannel:
			rest += row.Participants
		default:
			if channel != events.Onsite {
				channel = events.OtherChannel
			}
			sum := byChannel[channel]
			sum.Participants += row.Participants
			byChannel[channel] = sum
		}
	}
	byChannel[events.UnknownChannel] = readmodel.ChannelStats{Participants: rest}
	views := []ChannelView{}
	for _, channel := range channelOrder() {
		row := byChannel[channel]
		if row.Participants != 0 || !row.DistributedAt.IsZero() || !row.FetchedAt.IsZero() {
			views = append(views, newChannelView(channel, row, c, v))
		}
	}
	return views
}

func newChannelView(channel events.Channel, row readmodel.ChannelStats, c readmodel.CampaignStats, v View) ChannelView {
	view := ChannelView{
		Channel:            channel,
		DistributedAt:      v.local(row.DistributedAt),
		Cost:               row.Cost,
		Impressions:        reported(row.Impressions),
		Views:              reported(row.Views),
		Clicks:             reported(row.Clicks),
		Likes:              reported(row.Likes),
		Comments:           reported(row.Comments),
		Shares:             reported(row.Shares),
		Exposure:           exposure(row),
		Participants:       row.Participants,
		CostPerParticipant: perHead(row.Cost, row.Participants),
		FetchedAt:          v.local(row.FetchedAt),
	}
	if view.Cost != nil && *view.Cost == readmodel.WonOverflow {
		view.Cost, view.CostPerParticipant = nil, nil
	}
	if of, n := divisor(row); n != nil {
		view.ConversionOf, view.ConversionPercent = &of, percent(row.Participants, *n)
	}
	if !row.DistributedAt.IsZero() || !row.FetchedAt.IsZero() {
		view.Status = new(v.status(row, c))
	}
	return view
}

// divisor returns what participants through the channel are compared with; nil where the
// channel reported nothing of the kind.
func divisor(row readmodel.ChannelStats) (Divisor, *int64) {
	if e := exposure(row); e != nil {
		return OfExposure, e
	}
	if clicks := reported(row.Clicks); clicks != nil {
		return OfClicks, clicks
	}
	var sum *int64
	for _, f := range []readmodel.Figure{row.Likes, row.Comments, row.Shares} {
		if f.Known() {
			sum = new(f.Value + deref(sum))
		}
	}
	return OfReactions, sum
}

// reported returns the figure's value; nil where it is unknown (I8).
func reported(f readmodel.Figure) *int64 {
	if !f.Known() {
		return nil
	}
	return &f.Value
}

func deref(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// bestChannel returns the channel that brought the most participants; nil where none did. It
// is one that the owner can choose again: not [events.OtherChannel] or [events.UnknownChannel].
func bestChannel(views []ChannelView) *ChannelCount {
	var best *ChannelCount
	for _, view := range views {
		chosen := !slices.Contains([]events.Channel{events.OtherChannel, events.UnknownChannel}, view.Channel)
		if chosen && view.Participants > 0 && (best == nil || view.Participants > best.Participants) {
			best = &ChannelCount{view.Channel, view.Participants}
		}
	}
	return best
}
