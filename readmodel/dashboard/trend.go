package dashboard

import (
	"sort"
	"time"

	"jangbu/readmodel"
)

// Bucket is one interval of a [Dashboard]'s trend.
type Bucket struct {
	From         time.Time `json:"from"`
	Participants int64     `json:"participants"`
}

// trend returns every interval from the first registration within the view's bounds to the
// last, including empty ones. It walks hour by hour and begins a day where the date changes,
// which is right for days of 23 and 25 hours and for midnights that do not exist.
func trend(hours []readmodel.ParticipationHour, v View) []Bucket {
	buckets := []Bucket{}
	hours = v.within(hours)
	if len(hours) == 0 {
		return buckets
	}
	first, last := v.bucket(hours[0].Hour), hours[len(hours)-1].Hour
	for hour := first; !hour.After(last); hour = hour.Add(time.Hour) {
		local := hour.In(v.Location)
		if v.Interval == Hourly || hour.Equal(first) || !sameDay(buckets[len(buckets)-1].From, local) {
			buckets = append(buckets, Bucket{From: local})
		}
		for len(hours) > 0 && hours[0].Hour.Equal(hour) {
			buckets[len(buckets)-1].Participants += hours[0].Participants
			hours = hours[1:]
		}
	}
	return buckets
}

// within returns the hours whose buckets begin within the view's bounds. It returns all hours
// of a bucket or none.
func (v View) within(hours []readmodel.ParticipationHour) []readmodel.ParticipationHour {
	before := func(bound time.Time) int {
		return sort.Search(len(hours), func(i int) bool { return !v.bucket(hours[i].Hour).Before(bound) })
	}
	if !v.To.IsZero() {
		hours = hours[:before(v.To)]
	}
	if !v.From.IsZero() {
		hours = hours[before(v.From):]
	}
	return hours
}

// bucket returns the start of the bucket that the hour belongs to.
func (v View) bucket(hour time.Time) time.Time {
	if v.Interval == Daily {
		for sameDay(hour.Add(-time.Hour).In(v.Location), hour.In(v.Location)) {
			hour = hour.Add(-time.Hour)
		}
	}
	return hour
}

func sameDay(a, b time.Time) bool {
	return a.YearDay() == b.YearDay() && a.Year() == b.Year()
}
