package dashboard

import (
	"sort"
	"time"

	"jangbu/readmodel"
)

// MaxBuckets is the most intervals that a trend has (I14).
const MaxBuckets = 1500

// Bucket is one interval of a [Dashboard]'s trend.
type Bucket struct {
	From         time.Time `json:"from"`
	Participants int64     `json:"participants"`
}

// Outside counts the participants whose registrations lie outside the trend. Together with
// its buckets they are all that the hours count.
type Outside struct {
	Before int64 `json:"before"`
	After  int64 `json:"after"`
}

const (
	day  = 24 * time.Hour
	week = 7 * day
	// A campaign's own period begins a day before it starts and ends a week after its end.
	lead, tail = day, week
	// unstarted is how far a trend goes back from its last registration where the start of
	// the campaign is unknown.
	unstarted = 366 * day
	// ahead is how far after now a registration may lie: a day of its record's timestamp
	// and one of its own time.
	ahead = 2 * day
)

// trend returns every interval from the first registration of the campaign's period, and
// within the view's bounds, to the last, including empty ones. Its intervals are those of
// the view, or days, or weeks, where there would be more than MaxBuckets of them.
func trend(hours []readmodel.ParticipationHour, campaign readmodel.CampaignStats, v View) ([]Bucket, Interval, Outside) {
	from, to := v.period(hours, campaign)
	first, last := v.within(hours, from, to)
	for tooMany(hours[first:last], v.Interval) {
		if v.Interval == Weekly {
			first += earlier(hours[first:last], hours[last-1].Hour.Add(-(MaxBuckets-2)*week))
			break
		}
		if v.Interval == Daily {
			v.Interval = Weekly
		} else {
			v.Interval = Daily
		}
		first, last = v.within(hours, from, to)
	}
	outside := Outside{Before: sum(hours[:first]), After: sum(hours[last:])}
	buckets := []Bucket{}
	hours = hours[first:last]
	if len(hours) == 0 {
		return buckets, v.Interval, outside
	}
	for start, end := v.bucket(hours[0].Hour), hours[len(hours)-1].Hour; !start.After(end); {
		next := v.next(start)
		n := earlier(hours, next)
		buckets = append(buckets, Bucket{From: start.In(v.Location), Participants: sum(hours[:n])})
		hours, start = hours[n:], next
	}
	return buckets, v.Interval, outside
}

// earlier returns how many of the hours, which are sorted, are before t.
func earlier(hours []readmodel.ParticipationHour, t time.Time) int {
	return sort.Search(len(hours), func(i int) bool { return !hours[i].Hour.Before(t) })
}

func sum(hours []readmodel.ParticipationHour) (n int64) {
	for _, h := range hours {
		n += h.Participants
	}
	return n
}

// period returns the first and the end of the hours of the campaign's own period. A bound of
// the view takes the place of the campaign's; no hour is later than registrations can be.
func (v View) period(hours []readmodel.ParticipationHour, campaign readmodel.CampaignStats) (from, to int) {
	end := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) // RFC 3339 ends there
	if !v.Now.IsZero() {
		end = v.Now.Add(ahead)
	}
	if v.To.IsZero() && !campaign.EndsAt.IsZero() && campaign.EndsAt.Add(tail).Before(end) {
		end = campaign.EndsAt.Add(tail)
	}
	to = earlier(hours, end)
	switch {
	case !v.From.IsZero() || to == 0:
	case campaign.StartsAt.IsZero():
		from = earlier(hours[:to], hours[to-1].Hour.Add(-unstarted))
	default:
		from = earlier(hours[:to], campaign.StartsAt.Add(-lead))
	}
	return from, to
}

// tooMany reports whether the hours span more intervals than a trend may have.
func tooMany(hours []readmodel.ParticipationHour, interval Interval) bool {
	if len(hours) == 0 {
		return false
	}
	length := map[Interval]time.Duration{Hourly: time.Hour, Daily: day, Weekly: week}[interval]
	// The first and the last interval may be cut. A span of centuries saturates.
	return hours[len(hours)-1].Hour.Sub(hours[0].Hour)/length+2 > MaxBuckets
}

// within returns the first and the end of the hours, of those given, whose buckets begin
// within the view's bounds: all hours of a bucket or none.
func (v View) within(hours []readmodel.ParticipationHour, from, to int) (first, end int) {
	before := func(bound time.Time) int {
		return from + sort.Search(to-from, func(i int) bool { return !v.bucket(hours[from+i].Hour).Before(bound) })
	}
	first, end = from, to
	if !v.To.IsZero() {
		end = before(v.To)
	}
	if !v.From.IsZero() {
		first = min(before(v.From), end)
	}
	return first, end
}

// bucket returns the start of the bucket that the hour belongs to.
func (v View) bucket(hour time.Time) time.Time {
	if v.Interval == Hourly {
		return hour
	}
	start := v.midnight(hour)
	for v.Interval == Weekly && start.In(v.Location).Weekday() != time.Monday {
		start = v.midnight(start.Add(-time.Hour))
	}
	return start
}

// next returns the start of the bucket after the one that begins at from.
func (v View) next(from time.Time) time.Time {
	switch v.Interval {
	case Hourly:
		return from.Add(time.Hour)
	case Daily:
		return v.tomorrow(from)
	default:
		for next := v.tomorrow(from); ; next = v.tomorrow(next) {
			if next.In(v.Location).Weekday() == time.Monday {
				return next
			}
		}
	}
}

// midnight returns the first hour of the hour's date, which is right for days of 23 and 25
// hours and for midnights that do not exist.
func (v View) midnight(hour time.Time) time.Time {
	for sameDay(hour.Add(-time.Hour).In(v.Location), hour.In(v.Location)) {
		hour = hour.Add(-time.Hour)
	}
	return hour
}

// tomorrow returns the first hour of the date after that of which midnight is the first.
func (v View) tomorrow(midnight time.Time) time.Time {
	next := midnight.Add(23 * time.Hour)
	for sameDay(next.In(v.Location), midnight.In(v.Location)) {
		next = next.Add(time.Hour)
	}
	return next
}

func sameDay(a, b time.Time) bool {
	return a.YearDay() == b.YearDay() && a.Year() == b.Year()
}
