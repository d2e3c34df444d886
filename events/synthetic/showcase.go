package synthetic

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"jangbu/events"
)

// Showcase generates the traffic of a few shops, with campaigns as their owners would have
// them. Each shop has five: one is planned, one runs, one ends today, one has ended well and
// one badly. A campaign has 40 to 600 participants, most at the hours and on the days of the
// shop's trade; what channels report grows with them. Some of what producers may leave out
// is left out, and some channels are spelled in another way.
//
// All that will ever happen is fixed by the configuration. Past returns what has happened
// until its start; Next returns one registration after the other from then on.
//
// It is not safe for concurrent use, except for Figure.
type Showcase struct {
	g     *Generator
	shown []shown   // like g.campaigns
	plan  []arrival // the registrations that were not returned, in order
}

// shown is a campaign of a showcase.
type shown struct {
	stage stage
	curve curve
	reach map[string]int64 // what each figure is at the end
}

// arrival is a registration that will come.
type arrival struct {
	at       time.Time
	campaign int
	values   [dimensions]int
}

// NewShowcase returns the showcase of a seed at the start of the traffic: what is before it
// is the past. It does not use the number of campaigns and the hot share.
func NewShowcase(c Config) (*Showcase, error) {
	c, err := c.validate()
	if err != nil {
		return nil, err
	}
	s := &Showcase{g: &Generator{
		c: c, next: c.Start, interval: c.Interval,
		rng: rand.New(rand.NewPCG(c.Seed, streamRegistrations)), ways: Ways(),
	}}
	all := shops(c.Start)
	for i := range all {
		for of := range stages {
			s.add(&all[i], of, rand.New(rand.NewPCG(c.Seed, streamCampaigns+uint64(len(s.shown)))))
		}
	}
	slices.SortStableFunc(s.plan, func(a, b arrival) int { return a.at.Compare(b.at) })
	s.g.popularity = weighted(s.weights())
	return s, nil
}

// weights are the campaigns' shares of a load: those that run have participants.
func (s *Showcase) weights() []float64 {
	weights := make([]float64, len(s.shown))
	for _, a := range s.plan {
		if s.runs(a.campaign, s.g.c.Start) {
			weights[a.campaign]++
		}
	}
	return weights
}

// runs reports whether people can take part in a campaign at a time.
func (s *Showcase) runs(campaign int, at time.Time) bool {
	c := &s.g.campaigns[campaign]
	return !at.Before(c.starts) && at.Before(c.ends)
}

// period returns when a campaign of a stage starts, and the full hour at which it ends.
func (of stage) period(now time.Time, rng *rand.Rand) (start, end time.Time) {
	days := func(from, to int) time.Duration { return time.Duration(from+rng.IntN(to-from+1)) * day }
	today := midnight(now)
	switch of {
	case planned:
		start = today.Add(days(2, 5) + 10*time.Hour)
		return start, midnight(start.Add(days(10, 14)))
	case running:
		return today.Add(-days(15, 17) + 10*time.Hour), today.Add(days(5, 9))
	case endingToday:
		return today.Add(-day + 9*time.Hour), today.Add(day)
	case endedWell:
		end = today.Add(-days(9, 12))
	default:
		end = today.Add(-days(26, 36))
	}
	return end.Add(-days(11, 15) + 10*time.Hour), end
}

// participants returns how many people will have taken part in a campaign of the shop.
func (of stage) participants(s *shop, rng *rand.Rand) int64 {
	between := func(from, to int64) int64 { return (from + rng.Int64N(to-from+1)) * s.size / 100 }
	switch of {
	case planned:
		return between(200, 350)
	case running:
		return between(330, 480)
	case endingToday:
		if s.size == 100 { // the one to look at
			return between(520, 590)
		}
		return between(260, 330)
	case endedWell:
		return between(430, 590)
	default:
		return 42 + rng.Int64N(31)
	}
}

// add adds a shop's campaign with all of its registrations.
func (s *Showcase) add(of *shop, in stage, rng *rand.Rand) {
	number := len(s.shown)
	start, end := in.period(s.g.c.Start, rng)
	created := start.Add(-time.Duration(2*24+rng.IntN(3*24)) * time.Hour).Add(time.Duration(rng.IntN(3600)) * time.Second)
	if latest := s.g.c.Start.Add(-time.Hour); created.After(latest) {
		created = latest
	}
	c := campaign{
		id: fmt.Sprintf("%s-%d", of.prefix, in+1), shop: string(of.id),
		title: of.offers[in].title, objective: of.offers[in].objective,
		created: created, published: created, starts: start, ends: end.Add(-time.Second),
		outlets: outlets(in, rng),
	}
	if in != planned {
		c.distributed = start.Add(-time.Hour).Add(time.Duration(rng.IntN(1800)) * time.Second)
	}
	newcomers := uint32(48 + rng.IntN(16))
	if in == endedBadly {
		newcomers = 30
	}
	c.take(of.people(c.outlets, newcomers))
	curve := newCurve(of, in, start, end, rng)
	through := make(map[events.Channel]int64)
	newCustomers, participants := int64(0), in.participants(of, rng)
	for range participants {
		a := arrival{at: curve.at(rng.Float64()).Truncate(time.Millisecond), campaign: number}
		for d := range c.people {
			a.values[d] = c.people[d].draw(rng)
		}
		for _, out := range c.outlets {
			if slices.Contains(spellings(out.channel), c.people[dimChannel].values[a.values[dimChannel]]) {
				through[out.channel]++
			}
		}
		if c.people[dimCustomer].values[a.values[dimCustomer]] == "new" {
			newCustomers++
		}
		s.plan = append(s.plan, a)
	}
	c.price(of, in, newCustomers, rng)
	switch {
	case in == running && number/int(stages) == 2:
		c.costs[0] = -1 // the owner has not told what the prizes cost
	case in == running && number/int(stages) == 3:
		c.outlets[len(c.outlets)-1].cost = -1
	case in == running || in == planned:
		c.metric, c.target = "participants", (participants+9)/10*10
	case in == endingToday && number == int(endingToday):
		c.metric, c.target = "newCustomers", (newCustomers+19)/10*10
	}
	s.g.campaigns = append(s.g.campaigns, c)
	s.shown = append(s.shown, shown{stage: in, curve: curve, reach: reach(in, c.outlets, through, rng)})
}

// price chooses what the campaign costs and promises, such that its return at its end is as
// its stage has it, and never far below.
func (c *campaign) price(s *shop, in stage, newCustomers int64, rng *rand.Rand) {
	between := func(from, to int64) int64 { return from + rng.Int64N(to-from+1) }
	base, percent := between(50, 110), int64(0) // in 10,000 won; the return
	switch in {
	case planned:
		percent = between(40, 90)
	case running:
		percent = between(30, 120)
	case endingToday:
		percent = between(40, 150)
	case endedWell:
		percent = between(110, 220)
	default:
		base, percent = between(90, 130), between(-35, -12)
	}
	const unit = 10_000
	platform := []int64{33_000, 55_000, 99_000}[rng.IntN(3)]
	distribution := int64(0)
	for _, out := range c.outlets {
		distribution += out.cost
	}
	// Before the first participant the return is above -60 %.
	const least = 42
	value := newCustomers * s.lifetime
	total := max(base*unit, value*100/(100-least+percent), platform+distribution+150_000)
	prizes := (total - platform - distribution + unit - 1) / unit * unit
	total = prizes + platform + distribution
	increase := max(total*(100+percent)/100-value, total*least/100)
	c.costs = [5]int64{prizes, platform, (increase + unit - 1) / unit * unit, s.baseline, s.lifetime}
}

// Shops returns the shops, the busiest first.
func (s *Showcase) Shops() []events.Shop { return slices.Compact(s.g.Shops()) }

// Liveliest returns the campaign that most people come to, and its title: one that ends
// today.
func (s *Showcase) Liveliest() (id events.Campaign, title string) {
	c := &s.g.campaigns[endingToday]
	return events.Campaign(c.id), c.title
}

// Past returns all that has happened until the start: the campaigns, their distributions,
// what channels reported once a day, and the registrations.
func (s *Showcase) Past() []events.Record {
	records := slices.Concat(s.g.Campaigns(), s.g.Distributions(), s.reports())
	for len(s.plan) > 0 && !s.plan[0].at.After(s.g.c.Start) {
		records = append(records, s.Next(s.g.c.Start))
	}
	return records
}

// Wait returns how long after now the next registration comes: when it is due, but within
// longest where a campaign runs that has more to come. It is false where none will come.
func (s *Showcase) Wait(now time.Time, longest time.Duration) (time.Duration, bool) {
	if len(s.plan) == 0 {
		return 0, false
	}
	if i := s.due(now); i >= 0 {
		return min(max(s.plan[i].at.Sub(now), 0), longest), true
	}
	return s.plan[0].at.Sub(now), true
}

// due returns the first arrival of a campaign that has begun; -1 where there is none.
func (s *Showcase) due(now time.Time) int {
	return slices.IndexFunc(s.plan, func(a arrival) bool { return !now.Before(s.g.campaigns[a.campaign].starts) })
}

// Next returns the registration that comes next, at a time, or another record where a share
// says so. There is one where Wait says so.
func (s *Showcase) Next(now time.Time) events.Record {
	i := max(s.due(now), 0)
	a := s.plan[i]
	stamp := a.at
	if now.Before(stamp) {
		stamp = now.UTC().Truncate(time.Millisecond)
	}
	return s.g.send(stamp, func() events.Record {
		copy(s.plan[1:i+1], s.plan[:i])
		s.plan = s.plan[1:]
		return s.g.registration(&s.g.campaigns[a.campaign], &a.values, stamp)
	})
}

// Load returns a generator of registrations for the campaigns that run, without the plan's
// bounds.
func (s *Showcase) Load(at time.Time, interval time.Duration) *Generator {
	s.g.Continue(at, interval)
	return s.g
}
