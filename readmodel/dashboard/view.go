package dashboard

import (
	"errors"
	"fmt"
	"time"

	"jangbu/readmodel"
)

// DefaultPollInterval is how often a channel is polled where a [View] sets no interval.
const DefaultPollInterval = time.Minute

// DefaultPollAfterEnd is how long channels are polled after a campaign's end where a [View]
// does not say.
const DefaultPollAfterEnd = week

// freshIntervals is for how many polling intervals figures are fresh. Two polls may fail
// before they are stale.
const freshIntervals = 3

// Sentinels of a [View].
var (
	// ErrTimeZone says that the time zone was not always whole hours from UTC.
	// Registrations are counted by whole hours of UTC.
	ErrTimeZone = errors.New("time zone is not whole hours from UTC")
	// ErrInterval says that the interval is unknown.
	ErrInterval = errors.New("unknown interval: expected hour, day, week or month")
	// ErrRange says that the trend would end before it begins.
	ErrRange = errors.New("empty range: expected to after from")
)

// Interval is the length of a [Bucket].
type Interval string

// The intervals.
const (
	Hourly  Interval = "hour"
	Daily   Interval = "day"   // from midnight to midnight in the view's location
	Weekly  Interval = "week"  // from Monday to Monday
	Monthly Interval = "month" // from a first of a month to the next
)

// View says how a [Dashboard] is shown. The caller reads the clock.
type View struct {
	// Now is the moment at which figures are fresh or stale.
	Now time.Time
	// Location is where times are shown and days begin. Nil is UTC.
	Location *time.Location
	// Interval is that of the trend, if MaxBuckets allow it. Empty: by the trend's length,
	// hours up to 3 days, days up to 90, weeks up to 2 years, then months.
	Interval Interval
	// From and To bound the trend: it has the whole buckets that begin at or after From
	// and before To. Zero: a day before the campaign starts and a week after it ends.
	From, To time.Time
	// PollInterval returns how often a channel is polled at an age, the time from the
	// distribution to Now; 0 where the distribution is unknown or later. It must depend
	// on the age alone. Figures are stale once they are older than three intervals. Nil:
	// always DefaultPollInterval.
	PollInterval func(age time.Duration) time.Duration
	// PollAfterEnd is how long after a campaign's end its channels are polled. Figures are
	// final after that. 0: DefaultPollAfterEnd.
	PollAfterEnd time.Duration
}

// Validate returns [ErrTimeZone], [ErrInterval] or [ErrRange] where the view cannot be
// shown. It takes up to 0.1 ms and does not depend on Now or on rows.
func (v View) Validate() error {
	switch v.Interval {
	case "", Hourly, Daily, Weekly, Monthly:
	default:
		return fmt.Errorf("interval %q: %w", v.Interval, ErrInterval)
	}
	if !v.From.IsZero() && !v.To.IsZero() && !v.To.After(v.From) {
		return fmt.Errorf("from %s to %s: %w", v.From.Format(time.RFC3339Nano), v.To.Format(time.RFC3339Nano), ErrRange)
	}
	v = v.withDefaults()
	// Events occur from 2000 on. After 2100 the rules of zones repeat.
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
	if v.PollAfterEnd == 0 {
		v.PollAfterEnd = DefaultPollAfterEnd
	}
	if v.PollInterval == nil {
		v.PollInterval = func(time.Duration) time.Duration { return DefaultPollInterval }
	}
	return v
}

// status returns how current the channel's figures are now.
func (v View) status(row readmodel.ChannelStats, c readmodel.CampaignStats) Status {
	until := v.polledUntil(c)
	switch {
	case !until.IsZero() && v.Now.After(until):
		return Final
	case row.FetchedAt.IsZero():
		return Unavailable
	case v.Now.After(v.freshUntil(row)):
		return Stale
	default:
		return Fresh
	}
}

// freshUntil returns the last moment at which the channel's figures are fresh.
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
