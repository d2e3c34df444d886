package readmodel

import "time"

// Bucket is one interval of a [Dashboard]'s trend.
type Bucket struct {
	From         time.Time `json:"from"`
	Participants int64     `json:"participants"`
}

// trend returns every interval from the first registration to the last, empty
// ones included. It walks hour by hour and begins a day where the date changes,
// so that days of 23 and 25 hours and midnights that do not exist come out right.
func trend(hours []ParticipationHour, v View) []Bucket {
	buckets := []Bucket{}
	if len(hours) == 0 {
		return buckets
	}
	first, last := hours[0].Hour, hours[len(hours)-1].Hour
	if v.Interval == Daily {
		for sameDay(first.Add(-time.Hour).In(v.Location), first.In(v.Location)) {
			first = first.Add(-time.Hour)
		}
	}
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

func sameDay(a, b time.Time) bool {
	return a.YearDay() == b.YearDay() && a.Year() == b.Year()
}
