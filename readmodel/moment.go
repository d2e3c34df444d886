package readmodel

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"jangbu/events"
)

// Sentinels of a [Moment].
var (
	// ErrFuture says that the log ends before the moment, or that its time has not come.
	ErrFuture = errors.New("that has not happened yet")
	// ErrMoment says that a text is no moment.
	ErrMoment = errors.New("expected a position of the log, from 1, an RFC 3339 time such as 2026-11-23T10:00:00+09:00, or a day such as 2026-11-23")
)

// Moment is a place in the log: a position or, where that is 0, the last event that
// was recorded by a time.
type Moment struct {
	Position events.Position
	At       time.Time
}

// ParseMoment returns the moment that a text names: a position, an RFC 3339 time, or a day, which is
// its last moment in the zone. It is the one rule for all who ask about the past. [ErrFuture] where
// the time, or the day's end, is after now; whether the log has a position only the log says. Any
// other text is [ErrMoment].
func ParseMoment(text string, zone *time.Location, now time.Time) (Moment, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return Moment{Position: events.Position(n)}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return Moment{}, fmt.Errorf("%q: %w", text, ErrMoment)
		}
		at, text = endOf(day, zone), fmt.Sprintf("the end of %s in %s", text, zone)
	}
	if at.After(now) {
		return Moment{}, fmt.Errorf("%s: %w", text, ErrFuture)
	}
	if at.IsZero() { // which is no moment; nothing was recorded then, nor a nanosecond later
		at = at.Add(1)
	}
	return Moment{At: at}, nil
}

// endOf returns the last nanosecond of a day, given as its midnight in UTC. Clocks that are turned
// at midnight can skip the next one, or meet it twice.
func endOf(day time.Time, zone *time.Location) time.Time {
	const furthest = 26 * time.Hour // is no zone from UTC
	next := day.AddDate(0, 0, 1)    // as clocks show it
	for at := next.Add(furthest).In(zone); ; {
		_, offset := at.Zone()
		since, _ := at.ZoneBounds() // with this offset
		end := next.Add(-time.Duration(offset) * time.Second)
		if since.IsZero() || end.After(since) {
			return end.Add(-1).In(zone)
		}
		at = since.Add(-1)
		if _, offset = at.Zone(); at.Add(time.Duration(offset) * time.Second).Before(next) {
			return at
		}
	}
}
