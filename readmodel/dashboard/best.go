package dashboard

import (
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// Heat counts participants by weekday, Monday first, and hour of the day.
type Heat [7][24]int64

// Best is where most participants are. Of equal ones it is the earliest, or the first in the
// order of the channels. Its members are nil where there is no participant.
type Best struct {
	Day       *Bucket       `json:"day"`
	HourOfDay *HourCount    `json:"hourOfDay"`
	Channel   *ChannelCount `json:"channel"`
}

// HourCount counts the participants of one hour of all days.
type HourCount struct {
	Hour         int   `json:"hour"`
	Participants int64 `json:"participants"`
}

// ChannelCount counts the participants through one channel.
type ChannelCount struct {
	Channel      events.Channel `json:"channel"`
	Participants int64          `json:"participants"`
}

// heat returns the participants of the hours by weekday and hour, and the best day and hour;
// nil where there are no participants.
func (v View) heat(hours []readmodel.ParticipationHour) (heat *Heat, best Best) {
	var today Bucket
	var tomorrow time.Time
	var weekday int // of today
	for _, h := range hours {
		if h.Participants == 0 {
			continue
		}
		if heat == nil {
			heat = new(Heat)
		}
		if !h.Hour.Before(tomorrow) {
			from := v.midnight(h.Hour)
			today, tomorrow = Bucket{From: from.In(v.Location)}, v.tomorrow(from)
			weekday = (int(today.From.Weekday()) + 6) % 7
		}
		heat[weekday][h.Hour.In(v.Location).Hour()] += h.Participants
		if today.Participants += h.Participants; best.Day == nil || today.Participants > best.Day.Participants {
			best.Day = new(today)
		}
	}
	if heat == nil {
		return nil, best
	}
	for hour := range 24 {
		n := int64(0)
		for weekday := range heat {
			n += heat[weekday][hour]
		}
		if n > 0 && (best.HourOfDay == nil || n > best.HourOfDay.Participants) {
			best.HourOfDay = &HourCount{hour, n}
		}
	}
	return heat, best
}
