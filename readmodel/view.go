package readmodel

import (
	"errors"
	"fmt"
	"time"
)

// DefaultStaleAfter is how long a channel's figures count as fresh: three
// polling intervals of a minute.
const DefaultStaleAfter = 3 * time.Minute

// Sentinels of a [View].
var (
	// ErrTimeZone: the time zone was not always whole hours from UTC, but
	// registrations are counted by whole hours of UTC.
	ErrTimeZone = errors.New("time zone is not whole hours from UTC")
	// ErrInterval: the interval is none of those defined here.
	ErrInterval = errors.New("unknown interval: expected hour or day")
)

// Interval is the length of a [Bucket].
type Interval string

// The intervals.
const (
	Hourly Interval = "hour"
	Daily  Interval = "day" // from midnight to midnight in the view's location
)

// View says how a [Dashboard] is to be shown. Time is data here: the caller
// reads the clock.
type View struct {
	// Now is the moment as of which figures are fresh or stale.
	Now time.Time
	// Location in which times are shown and days begin. Nil is UTC.
	Location *time.Location
	// Interval of the trend. Empty is Hourly.
	Interval Interval
	// StaleAfter is the age beyond which figures are stale. 0 is DefaultStaleAfter.
	StaleAfter time.Duration
}

// Validate returns [ErrTimeZone] or [ErrInterval] where the view cannot be
// shown. It costs up to a tenth of a millisecond and depends on neither Now nor
// rows.
func (v View) Validate() error {
	switch v.Interval {
	case "", Hourly, Daily:
	default:
		return fmt.Errorf("interval %q: %w", v.Interval, ErrInterval)
	}
	v = v.withDefaults()
	// Events occur from 2000 on. After 2100 zones go on as they did before.
	const from, to = 2000, 2100
	t := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC).In(v.Location)
	for t.Year() < to {
		if _, offset := t.Zone(); offset%3600 != 0 {
			return fmt.Errorf("time zone %s: %w", v.Location, ErrTimeZone)
		}
		_, end := t.ZoneBounds()
		if end.IsZero() {
			break // the offset stays for good
		}
		if !end.After(t) {
			// By a rule that repeats every year, the bounds of a leap year's
			// last day end where that day begins.
			end = t.AddDate(0, 0, 1)
		}
		t = end
	}
	return nil
}

func (v View) withDefaults() View {
	if v.Location == nil {
		v.Location = time.UTC
	}
	if v.Interval == "" {
		v.Interval = Hourly
	}
	if v.StaleAfter == 0 {
		v.StaleAfter = DefaultStaleAfter
	}
	return v
}

// local returns t in the view's location, to the second; nil for the zero time,
// which is unknown. RFC 3339 writes offsets in whole minutes, so a time of the
// era before standard time stays in UTC.
func (v View) local(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.Truncate(time.Second).In(v.Location)
	if _, offset := t.Zone(); offset%60 != 0 {
		t = t.UTC()
	}
	return &t
}
