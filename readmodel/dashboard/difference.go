package dashboard

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// Difference is how far the numbers of a [Summary] are above those of another. Nil where either
// is unknown. Of percentages it is in points, exact.
type Difference struct {
	TotalParticipants  int64       `json:"totalParticipants"`
	TotalExposure      *int64      `json:"totalExposure"`
	ROIPercent         *float64    `json:"roiPercent"`
	SalesGrowthPercent *float64    `json:"salesGrowthPercent"`
	CostPerParticipant *events.Won `json:"costPerParticipant"`
	TotalCost          *events.Won `json:"totalCost"`
}

// Minus returns the difference to another summary.
func (s Summary) Minus(other Summary) Difference {
	return Difference{
		TotalParticipants:  s.TotalParticipants - other.TotalParticipants,
		TotalExposure:      minus(s.TotalExposure, other.TotalExposure),
		ROIPercent:         points(s.ROIPercent, other.ROIPercent),
		SalesGrowthPercent: points(s.SalesGrowthPercent, other.SalesGrowthPercent),
		CostPerParticipant: minus(s.CostPerParticipant, other.CostPerParticipant),
		TotalCost:          minus(s.TotalCost, other.TotalCost),
	}
}

// minus returns the difference of two numbers, neither of which is below 0.
func minus[N ~int64](a, b *N) *N {
	if a == nil || b == nil {
		return nil
	}
	return new(*a - *b)
}

// points returns the difference of the decimals that two percentages are shown as: as floats
// 0.3 - 0.1 is no decimal.
func points(a, b *float64) *float64 {
	if a == nil || b == nil {
		return nil
	}
	decimal := func(f float64) *big.Rat {
		r, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'f', -1, 64)) // a percentage is finite
		return r
	}
	f, _ := new(big.Rat).Sub(decimal(*a), decimal(*b)).Float64()
	return &f
}

// Compared is campaigns side by side, by their days: day 1 is the first day of each.
type Compared struct {
	Campaigns []ComparedCampaign `json:"campaigns"`
	// Days go on to the last one with a registration of any campaign, but there are at most
	// MaxBuckets.
	Days []ComparedDay `json:"days"`
}

// ComparedCampaign is one of the campaigns. The first one has no difference; that of the others
// is to the first.
type ComparedCampaign struct {
	Campaign events.Campaign `json:"eventId"`
	Shop     *events.Shop    `json:"storeId"`
	Title    *string         `json:"title"`
	// FirstDay is the date of the campaign's start or, where that is unknown, of the first
	// registration of its period; nil where there is neither.
	FirstDay   *string     `json:"firstDay"`
	Summary    Summary     `json:"summary"`
	Difference *Difference `json:"difference"`
}

// ComparedDay is a day of the campaigns.
type ComparedDay struct {
	Day int `json:"day"`
	// TotalParticipants has, for each campaign, all participants up to the day's end, those
	// before its first day included; nil where the day has not come.
	TotalParticipants []*int64 `json:"totalParticipants"`
}

// Compare returns campaigns side by side, in a view that [View.Validate] accepts.
func Compare(of []readmodel.CampaignRows, v View) Compared {
	v = v.withDefaults()
	c := Compared{Campaigns: make([]ComparedCampaign, len(of)), Days: []ComparedDay{}}
	for i, rows := range of {
		card, _ := newCard(*rows.Campaign(), rows.Channels(), v)
		c.Campaigns[i] = ComparedCampaign{Campaign: card.Campaign, Shop: card.Shop, Title: card.Title, Summary: card.Summary}
		if i > 0 {
			c.Campaigns[i].Difference = new(card.Summary.Minus(c.Campaigns[0].Summary))
		}
		begin := v.begin(*rows.Campaign(), rows.Hours())
		if begin.IsZero() {
			continue
		}
		c.Campaigns[i].FirstDay = new(begin.In(v.Location).Format(time.DateOnly))
		for n := v.daysFrom(begin, rows.Hours()); len(c.Days) < n; {
			c.Days = append(c.Days, ComparedDay{Day: len(c.Days) + 1, TotalParticipants: make([]*int64, len(of))})
		}
	}
	for i, rows := range of {
		begin, hours := v.begin(*rows.Campaign(), rows.Hours()), rows.Hours()
		now := v.Now
		if n := len(hours); n > 0 && hours[n-1].Hour.After(now) {
			now = hours[n-1].Hour
		}
		for n := range c.Days {
			if begin.IsZero() || v.dayOf(begin, n).After(now) {
				break
			}
			c.Days[n].TotalParticipants[i] = new(sum(hours[:earlier(hours, v.dayOf(begin, n+1))]))
		}
	}
	return c
}

// daysFrom returns how many days there are from that of begin to that of the last hour, at most
// MaxBuckets.
func (v View) daysFrom(begin time.Time, hours []readmodel.ParticipationHour) (n int) {
	for n < MaxBuckets && len(hours) > 0 && !v.dayOf(begin, n).After(hours[len(hours)-1].Hour) {
		n++
	}
	return n
}

// Change counts the events of one type, and of one channel, that make a difference between two
// moments of a campaign.
type Change struct {
	Type string `json:"type"`
	// Channel is as in [EvidenceEvent].
	Channel *events.Channel `json:"channel"`
	Added   int64           `json:"added"`   // that count at the later moment alone
	Removed int64           `json:"removed"` // that count at the earlier one alone

	kind kind
}

// kind is what events are counted by.
type kind struct {
	of      events.Type
	channel int // its place in channelOrder; -1 where there is none
}

// Changes are counts of events, by type, then by channel as they are shown.
type Changes []Change

// Count counts an event.
func (c *Changes) Count(e events.Event, added bool) {
	channel := channelOf(e)
	k := kind{e.Type(), -1}
	if channel != nil {
		k.channel = slices.Index(channelOrder(), *channel)
	}
	i, there := slices.BinarySearchFunc(*c, k, func(c Change, k kind) int {
		if c.kind.of != k.of {
			return int(c.kind.of) - int(k.of)
		}
		return c.kind.channel - k.channel
	})
	if !there {
		*c = slices.Insert(*c, i, Change{Type: k.of.String(), Channel: channel, kind: k})
	}
	if added {
		(*c)[i].Added++
	} else {
		(*c)[i].Removed++
	}
}

// Check returns [ErrEvidence] unless the registrations among the changes are, channel by
// channel, the difference between the participants of two moments.
func (c Changes) Check(from, to readmodel.CampaignRows, v View) error {
	differ, made := make(map[events.Channel]int64), make(map[events.Channel]int64)
	add := func(rows readmodel.CampaignRows, sign int64) {
		for _, channel := range channelViews(*rows.Campaign(), rows.Channels(), v.withDefaults()) {
			differ[channel.Channel] += sign * channel.Participants
		}
	}
	add(from, -1)
	add(to, 1)
	for _, change := range c {
		if change.kind.of == events.TypeParticipantRegistered {
			made[*change.Channel] += change.Added - change.Removed
		}
	}
	for _, channel := range channelOrder() {
		if differ[channel] != made[channel] {
			return fmt.Errorf("%w: the participants of campaign %q through %s differ by %d, and the events make %d", ErrEvidence, to.Campaign().Campaign, channel, differ[channel], made[channel])
		}
	}
	return nil
}

// channelOf returns the channel of a registration, or of figures; nil for events of another type.
func channelOf(e events.Event) *events.Channel {
	switch fact := e.(type) {
	case *events.ParticipantRegistered:
		return new(events.ChannelNamed(fact.Channel))
	case *events.ChannelStatsFetched:
		return &fact.Channel
	case *events.EventCreated, *events.DistributionCompleted, *events.EventsWithdrawn:
	}
	return nil
}
