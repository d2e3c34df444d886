package synthetic

import (
	"math/rand/v2"
	"time"

	"jangbu/events"
)

// outlets draws the channels of a campaign: two of the three social networks at least, and
// where it is meant to be large one of the televisions.
func outlets(in stage, rng *rand.Rand) []outlet {
	cost := func(from, to int64) int64 { return 10_000 * (from + rng.Int64N(to-from+1)) }
	all := []outlet{
		{channel: events.Instagram, cost: cost(3, 12), share: 30},
		{channel: events.Naver, cost: cost(5, 15), share: 24},
		{channel: events.Kakao, cost: cost(2, 6), share: 20},
	}
	if in != endingToday && rng.IntN(4) == 0 {
		missing := rng.IntN(len(all))
		all = append(all[:missing], all[missing+1:]...)
	}
	if in != endedBadly && rng.IntN(3) > 0 {
		all = append(all, outlet{channel: events.WooridongneTV, cost: cost(10, 20), share: 11})
	}
	if in == endedBadly || rng.IntN(3) == 0 {
		all = append(all, outlet{channel: events.GenieTV, cost: cost(15, 30), share: 8})
	}
	return all
}

// reach draws how far each figure of a campaign has come at its end, for the participants
// that each channel brings: many have seen it for one who takes part.
func reach(in stage, outlets []outlet, through map[events.Channel]int64, rng *rand.Rand) map[string]int64 {
	final := make(map[string]int64)
	for _, out := range outlets {
		// A few would have come and did not; of a campaign that goes badly many.
		people := through[out.channel] + 4
		if in == endedBadly {
			people *= 2
		}
		seen := func(name string, fewest, most int64) int64 { // for each participant, in tenths
			n := people * (fewest + rng.Int64N(most-fewest+1)) / 10
			final[string(out.channel)+"/"+name] = n
			return n
		}
		switch out.channel {
		case events.WooridongneTV:
			final["wooridongnetv/views"] = seen("impressions", 2500, 6000) / 4
		case events.GenieTV:
			seen("impressions", 4000, 9000)
			seen("clicks", 50, 90)
		case events.Instagram:
			seen("likes", 40, 80)
			seen("comments", 6, 12)
		case events.Naver:
			seen("views", 250, 600)
		case events.Kakao:
			seen("shares", 30, 70)
		default: // the names under which registrations come from elsewhere
		}
	}
	return final
}

// figure returns what a channel reports at a time. A little is there soon after the
// distribution, and the rest comes as the participants do.
func (s *Showcase) figure(campaign int, name string, at time.Time) int64 {
	c, final := &s.g.campaigns[campaign], float64(s.shown[campaign].reach[name])
	soon := min(max(at.Sub(c.distributed).Hours(), 0), 1)
	return int64(final * (0.03*soon + 0.97*s.shown[campaign].curve.until(at)))
}

// Figure returns a figure of a campaign at a time, as channel and figure: "naver/views". It
// only grows. It is false for campaigns and figures that the showcase does not have.
func (s *Showcase) Figure(campaign, name string, at time.Time) (int64, bool) {
	for i := range s.g.campaigns {
		if _, ok := s.shown[i].reach[name]; ok && s.g.campaigns[i].id == campaign {
			return s.figure(i, name, at), true
		}
	}
	return 0, false
}

// reports returns what the channels reported until the start: an hour after the
// distribution, each day from then on, and last at the start, or after the end.
func (s *Showcase) reports() []events.Record {
	var records []events.Record
	for i := range s.g.campaigns {
		c := &s.g.campaigns[i]
		if c.distributed.IsZero() {
			continue
		}
		last := c.ends.Add(time.Hour)
		if last.After(s.g.c.Start) {
			last = s.g.c.Start
		}
		var times []time.Time
		for at := c.distributed.Add(time.Hour); at.Before(last); at = at.Add(day) {
			times = append(times, at)
		}
		for _, at := range append(times, last) {
			for _, out := range c.outlets {
				records = append(records, s.g.report(c, out.channel, at, func(figure string) int64 {
					return s.figure(i, string(out.channel)+"/"+figure, at)
				}))
			}
		}
	}
	return records
}
