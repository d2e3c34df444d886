package outage

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// maxLeap is how far an event's recording time may be ahead of the one before.
	maxLeap = 24 * time.Hour
	// maxBehind is how far a clock may be behind the last recording time.
	maxBehind = time.Minute
)

// Clock logs what is wrong with the clock by which a log records events. Recording times
// never go back, so a clock that was ahead for a moment leaves its mark. It is safe for
// concurrent use.
type Clock struct {
	logger *slog.Logger
	behind Log
	last   atomic.Int64 // the recording time seen last, in microseconds since 1970
}

// NewClock returns a Clock; a nil logger disables logging.
func NewClock(logger *slog.Logger) *Clock {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Clock{logger: logger, behind: Log{
		Logger: logger, Level: slog.LevelWarn,
		Began: "the clock is behind the log: events are recorded at the last one's time until it has caught up; " +
			"if it is right now, stop every process that appends and correct recorded_at of the last events and of log_head",
		Ended: "the clock has caught up with the log",
	}}
}

// Recorded notes that events were recorded at a time, when the clock said now. It calls
// before, which returns when the event before them was recorded, zero if there is none, only
// if that may have been long ago.
func (c *Clock) Recorded(ctx context.Context, at, now time.Time, before func(context.Context) (time.Time, error)) {
	if last := c.last.Swap(at.UnixMicro()); at.Sub(time.UnixMicro(last)) > maxLeap {
		// Without an answer nothing is said; the append is done.
		if before, err := before(ctx); err == nil && !before.IsZero() && at.Sub(before) > maxLeap {
			c.logger.WarnContext(ctx, "the time of recording leaps by more than a day: either nothing was appended for so long, or the clock is wrong; "+
				"correct it soon, because recording times never go back",
				slog.Time("before", before), slog.Time("recorded", at))
		}
	}
	if at.Sub(now) > maxBehind {
		c.behind.Failed(ctx, errBehind{at.Sub(now)})
	} else {
		c.behind.Succeeded(ctx)
	}
}

// errBehind says by how much a clock is behind.
type errBehind struct{ by time.Duration }

// Error implements error.
func (e errBehind) Error() string { return e.by.Round(time.Second).String() + " behind" }
