package synthetic

import (
	"math/rand/v2"
	"sort"
	"time"
)

// curve is when people take part in a campaign: their share of each hour from its start.
type curve struct {
	start time.Time
	// through[i] is the share of the first i hours.
	through []float64
}

// newCurve follows the hours and days of a shop, from a full hour to another. A campaign
// begins with more than it has later, and its last day is strong; of one that is not
// talked about, each day has less.
func newCurve(s *shop, of stage, start, end time.Time, rng *rand.Rand) curve {
	c := curve{start: start, through: []float64{0}}
	first := midnight(start)
	last := int(midnight(end.Add(-time.Hour)).Sub(first) / day)
	days := make([]float64, last+1)
	for d := range days {
		life := 0.9
		switch {
		case of == endedBadly:
			life = 1 / (1 + 0.3*float64(d))
		case d == last:
			life = 1.4
		case d < 2 && last > 3:
			life = 1.4 - 0.25*float64(d)
		}
		days[d] = life * (0.88 + 0.24*rng.Float64())
	}
	sum := 0.0
	for at := start; at.Before(end); at = at.Add(time.Hour) {
		local := at.In(seoul())
		sum += days[midnight(at).Sub(first)/day] * float64(s.days[local.Weekday()]) * (float64(s.hours[local.Hour()]) + 0.1)
		c.through = append(c.through, sum)
	}
	for i := range c.through {
		c.through[i] /= sum
	}
	return c
}

const day = 24 * time.Hour

// midnight returns the beginning of the time's day in Seoul, which has no summer time.
func midnight(t time.Time) time.Time {
	t = t.In(seoul())
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// until returns the share until a time.
func (c curve) until(t time.Time) float64 {
	elapsed := t.Sub(c.start)
	i := int(elapsed / time.Hour)
	switch {
	case elapsed <= 0:
		return 0
	case i >= len(c.through)-1:
		return 1
	default:
		within := float64(elapsed%time.Hour) / float64(time.Hour)
		return c.through[i] + within*(c.through[i+1]-c.through[i])
	}
}

// at returns when a share from 0 to below 1 has been reached.
func (c curve) at(share float64) time.Time {
	i := sort.Search(len(c.through)-2, func(i int) bool { return c.through[i+1] > share })
	within := (share - c.through[i]) / (c.through[i+1] - c.through[i])
	return c.start.Add(time.Duration(i) * time.Hour).Add(time.Duration(within * float64(time.Hour)))
}
