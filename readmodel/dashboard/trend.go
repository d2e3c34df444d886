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
	// month is the shortest month.
	month = 4 * week
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
// the view, or longer ones, where there would be more than MaxBuckets of them.
func trend(hours []readmodel.ParticipationHour, campaign readmodel.CampaignStats, v View) ([]Bucket, Interval, Outside) {
	from, to := v.period(hours, campaign)
	if v.Interval == "" {
		v.Interval = Hourly
		first, last := v.within(hours, from, to)
		v.Interval = byLength(hours[first:last])
	}
	first, last := v.within(hours, from, to)
	for tooMany(hours[first:last], v.Interval) {
		if v.Interval == Monthly {
			first += earlier(hours[first:last], hours[last-1].Hour.Add(-(MaxBuckets-2)*month))
			break
		}
		v.Interval = map[Interval]Interval{Hourly: Daily, Daily: Weekly, Weekly: Monthly}[v.Interval]
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

// byLength returns the interval in which a trend of these hours is shown.
func byLength(hours []readmodel.ParticipationHour) Interval {
	length := time.Hour
	if len(hours) > 0 {
		length = hours[len(hours)-1].Hour.Sub(hours[0].Hour)
	}
	switch {
	case length < 3*day:
		return Hourly
	case length < 90*day:
		return Daily
	case length < 2*366*day:
		return Weekly
	default:
		return Monthly
	}
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

// own returns the hours of the campaign's own period, whatever the bounds of the view.
func (v View) own(hours []readmodel.ParticipationHour, campaign readmodel.CampaignStats) []readmodel.ParticipationHour {
	v.From, v.To = time.Time{}, time.Time{}
	from, to := v.period(hours, campaign)
	return hours[from:to]
}

// tooMany reports whether the hours span more intervals than a trend may have.
func tooMany(hours []readmodel.ParticipationHour, interval Interval) bool {
	if len(hours) == 0 {
		return false
	}
	length := map[Interval]time.Duration{Hourly: time.Hour, Daily: day, Weekly: week, Monthly: month}[interval]
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
	switch v.Interval {
	case Hourly:
		return hour
	case Weekly:
		return v.dayOf(hour, -(int(hour.In(v.Location).Weekday())+6)%7)
	case Monthly:
		return v.dayOf(hour, 1-hour.In(v.Location).Day())
	default:
		return v.midnight(hour)
	}
}

// next returns the start of the bucket after the one that begins at from.
func (v View) next(from time.Time) time.Time {
	switch v.Interval {
	case Hourly:
		return from.Add(time.Hour)
	case Weekly:
		return v.bucket(v.tomorrow(v.dayOf(from, 6)))
	case Monthly:
		y, m, _ := from.In(v.Location).Date()
		return v.midnight(time.Date(y, m+1, 1, 12, 0, 0, 0, v.Location))
	default:
		return v.tomorrow(from)
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
