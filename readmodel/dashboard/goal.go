package dashboard

import (
	"math"

	"jangbu/events"
	"jangbu/readmodel"
)

// Goal is what the owner wants a campaign to reach, and how far it has come.
type Goal struct {
	Metric  events.GoalMetric `json:"metric"`
	Target  int64             `json:"target"`
	Reached int64             `json:"reached"`
	// Percent is reached / target × 100.
	Percent *float64 `json:"percent"`
	// Forecast is nil unless the campaign runs, its end is known, and it has run through
	// three whole days.
	Forecast *Forecast `json:"forecast"`
}

// Forecast is what a [Goal]'s metric comes to at the campaign's end if each day until then
// brings as many as the whole days before today did on average, seven of them at most; and
// an approximate 95 % band, from how much those days differ. New customers are taken to be
// the share of the participants that they have been so far.
type Forecast struct {
	Value int64 `json:"value"`
	Low   int64 `json:"low"`
	High  int64 `json:"high"`
}

// leastDays and mostDays bound the days that a forecast rests on.
const leastDays, mostDays = 3, 7

// goal returns the campaign's goal; nil where the owner set none.
func (v View) goal(c readmodel.CampaignStats, hours []readmodel.ParticipationHour) *Goal {
	g := Goal{Metric: c.GoalMetric, Target: c.GoalTarget}
	share := 1.0
	switch c.GoalMetric {
	case events.GoalParticipants:
		g.Reached = c.Participants
	case events.GoalNewCustomers:
		g.Reached = c.NewCustomers
		share = float64(c.NewCustomers) / float64(max(c.Participants, 1))
	default:
		return nil
	}
	g.Percent = percent(g.Reached, g.Target)
	if v.state(c) == Running && !c.EndsAt.IsZero() && !v.Now.IsZero() {
		g.Forecast = v.forecast(c, hours, float64(g.Reached), share)
	}
	return &g
}

// forecast returns what the metric comes to; nil where the campaign has run for too few days.
func (v View) forecast(c readmodel.CampaignStats, hours []readmodel.ParticipationHour, reached, share float64) *Forecast {
	begin, today := v.begin(c, hours), v.dayOf(v.Now, 0)
	var days []float64
	for to := today; len(days) < mostDays; {
		from := v.dayOf(to, -1)
		if begin.IsZero() || begin.After(from) {
			break
		}
		days = append(days, float64(sum(hours[earlier(hours, from):earlier(hours, to)])))
		to = from
	}
	if len(days) < leastDays {
		return nil
	}
	n, mean, variance := float64(len(days)), 0.0, 0.0
	for _, d := range days {
		mean += d / n
	}
	for _, d := range days {
		variance += (d - mean) * (d - mean) / (n - 1)
	}
	// What today has brought so far is part of today's average, unless it is more.
	soFar := float64(sum(hours[earlier(hours, today):earlier(hours, v.dayOf(v.Now, 1))]))
	left := c.EndsAt.Sub(today).Hours() / 24
	value := reached + share*max(mean*left-soFar, 0)
	// The sum of the days to come varies, and so does the average that it is computed from.
	band := 2 * share * math.Sqrt(variance*(left+left*left/n))
	whole := func(x float64) int64 { return int64(math.Round(min(max(x, reached), 1<<53))) }
	return &Forecast{whole(value), whole(value - band), whole(value + band)}
}
