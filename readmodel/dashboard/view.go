package dashboard

import (
	"errors"
	"fmt"
	"time"

	"jangbu/readmodel"
)

// DefaultPollInterval is how often a channel is asked where a [View] does not say.
const DefaultPollInterval = time.Minute

// freshIntervals is for how many polling intervals figures count as fresh: two
// polls may fail before they are called stale.
const freshIntervals = 3

// Sentinels of a [View].
var (
	// ErrTimeZone: the time zone was not always whole hours from UTC, but
	// registrations are counted by whole hours of UTC.
	ErrTimeZone = errors.New("time zone is not whole hours from UTC")
	// ErrInterval: the interval is none of those defined here.
	ErrInterval = errors.New("unknown interval: expected hour or day")
	// ErrRange: the trend would end before it begins.
	ErrRange = errors.New("empty range: expected to after from")
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
	// From and To bound the trend, and nothing else: it holds the buckets that
	// begin at or after From and before To, whole ones. Zero: no bound.
	From, To time.Time
	// PollInterval says how often a channel is asked that was distributed to so
	// long ago: as of Now, 0 where it never was or will be later. Figures are
	// stale once they are older than three intervals. It must depend on the age
	// alone. Nil: DefaultPollInterval, a minute, always.
	PollInterval func(age time.Duration) time.Duration
}

// Validate returns [ErrTimeZone], [ErrInterval] or [ErrRange] where the view
// cannot be shown. It costs up to a tenth of a millisecond and depends on neither
// Now nor rows.
func (v View) Validate() error {
	switch v.Interval {
	case "", Hourly, Daily:
	default:
		return fmt.Errorf("interval %q: %w", v.Interval, ErrInterval)
	}
	if !v.From.IsZero() && !v.To.IsZero() && !v.To.After(v.From) {
		return fmt.Errorf("from %s to %s: %w", v.From.Format(time.RFC3339Nano), v.To.Format(time.RFC3339Nano), ErrRange)
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
	if v.PollInterval == nil {
		v.PollInterval = func(time.Duration) time.Duration { return DefaultPollInterval }
	}
	return v
}

// status says how far the channel's figures can be relied on now.
func (v View) status(row readmodel.ChannelStats) Status {
	switch {
	case row.FetchedAt.IsZero():
		return Unavailable
	case v.Now.After(v.freshUntil(row)):
		return Stale
	default:
		return Fresh
	}
}

// freshUntil is the last moment at which the channel's figures are fresh.
func (v View) freshUntil(row readmodel.ChannelStats) time.Time {
	var age time.Duration
	if !row.DistributedAt.IsZero() {
		age = max(0, v.Now.Sub(row.DistributedAt))
	}
	interval, until := v.PollInterval(age), row.FetchedAt
	for range freshIntervals { // a product of durations could overflow
		until = until.Add(interval)
	}
	return until
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
