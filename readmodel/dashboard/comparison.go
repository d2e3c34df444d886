package dashboard

import (
	"time"

	"jangbu/readmodel"
)

// Comparison compares stretches of a running campaign with earlier ones, by the times of the
// registrations. A stretch is nil where it ended before the campaign began.
type Comparison struct {
	// Today is the complete hours of today, compared with the same hours of yesterday.
	Today *Today `json:"today"`
	// Yesterday is compared with the same weekday a week before.
	Yesterday *Stretch `json:"yesterday"`
	// LastSevenDays is the seven whole days before today, compared with the seven before.
	LastSevenDays *Stretch `json:"lastSevenDays"`
}

// Stretch counts the participants from From to before To.
type Stretch struct {
	From         time.Time `json:"from"`
	To           time.Time `json:"to"`
	Participants int64     `json:"participants"`
	// Before counts those of the earlier stretch; nil where that is empty or the campaign
	// did not run through all of it.
	Before *int64 `json:"before"`
	// Running reports whether the day still runs.
	Running bool `json:"running"`
}

// Today is the [Stretch] of today, and all of today so far.
type Today struct {
	Stretch
	SoFar int64 `json:"soFar"` // includes the hour that runs
}

// compare returns the comparison of a campaign; nil where it does not run, or the time is not
// known. The hours are all there are.
func (v View) compare(c readmodel.CampaignStats, hours []readmodel.ParticipationHour) *Comparison {
	if v.state(c) != Running || v.Now.IsZero() {
		return nil
	}
	begin := v.begin(c, hours)
	if begin.IsZero() {
		return &Comparison{}
	}
	today, hour := v.dayOf(v.Now, 0), v.Now.Truncate(time.Hour)
	count := func(from, to time.Time) int64 { return sum(hours[earlier(hours, from):earlier(hours, to)]) }
	stretch := func(from, to, earlierFrom, earlierTo time.Time) *Stretch {
		if !begin.Before(to) {
			return nil
		}
		s := &Stretch{From: from.In(v.Location), To: to.In(v.Location), Participants: count(from, to)}
		if earlierFrom.Before(earlierTo) && !begin.After(earlierFrom) {
			s.Before = new(count(earlierFrom, earlierTo))
		}
		return s
	}
	compared := &Comparison{
		Today:         &Today{SoFar: count(today, hour.Add(time.Hour))},
		Yesterday:     stretch(v.dayOf(v.Now, -1), today, v.dayOf(v.Now, -8), v.dayOf(v.Now, -7)),
		LastSevenDays: stretch(v.dayOf(v.Now, -7), today, v.dayOf(v.Now, -14), v.dayOf(v.Now, -7)),
	}
	compared.Today.Stretch = Stretch{From: today.In(v.Location), To: hour.In(v.Location), Participants: count(today, hour), Running: true}
	if yesterday := v.dayOf(v.Now, -1); today.Before(hour) && !begin.After(yesterday) {
		compared.Today.Before = new(count(yesterday, v.sameHour(hour, yesterday, today)))
	}
	return compared
}

// begin returns when the campaign began: its start, or the first registration of its period
// where no start is known; zero where there is neither.
func (v View) begin(c readmodel.CampaignStats, hours []readmodel.ParticipationHour) time.Time {
	if !c.StartsAt.IsZero() {
		return c.StartsAt
	}
	if own := v.own(hours, c); len(own) > 0 {
		return own[0].Hour
	}
	return time.Time{}
}

// dayOf returns the first hour of the date that is days after that of t.
func (v View) dayOf(t time.Time, days int) time.Time {
	y, m, d := t.In(v.Location).Date()
	return v.midnight(time.Date(y, m, d+days, 12, 0, 0, 0, v.Location))
}

// sameHour returns when the day from midnight to next shows the same hour as the clock at t.
func (v View) sameHour(t, midnight, next time.Time) time.Time {
	y, m, d := midnight.In(v.Location).Date()
	same := time.Date(y, m, d, t.In(v.Location).Hour(), 0, 0, 0, v.Location)
	switch {
	case same.Before(midnight):
		return midnight
	case same.After(next):
		return next
	default:
		return same
	}
}
