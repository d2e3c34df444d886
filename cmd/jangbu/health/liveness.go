package health

import (
	"context"
	"time"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/readmodel"
)

// Liveness tells how far the rows that are served are behind the log (I15), by what it saw of
// both. It works in every process that can read them, whichever folds. Delay is called from one
// goroutine at a time.
//
// The log's head at a moment is compared with the checkpoints of a later one, so that clocks of
// other machines have no part in it.
type Liveness struct {
	Log  events.Log
	Rows readmodel.Store

	looked            time.Time // when the last look began; zero: never
	logRead, rowsRead time.Time // when the last read began that succeeded, or the first look
	ahead             []glimpse // oldest first: the heads that the rows had not reached
}

// glimpse is the log's head at a moment.
type glimpse struct {
	at   time.Time
	head events.Position
}

const (
	// memory is for how long a look is of use to the next one.
	memory = 5 * time.Second
	// maxGlimpses bounds the heads that are remembered while the rows do not move.
	maxGlimpses = 600
)

var _ httpapi.Liveness = (*Liveness)(nil)

// Delay implements [httpapi.Liveness].
func (l *Liveness) Delay(ctx context.Context) httpapi.Delay {
	now := time.Now()
	if l.looked.IsZero() || now.Sub(l.looked) > memory {
		l.logRead, l.rowsRead, l.ahead = now, now, nil
	}
	l.looked = now
	var totals events.Totals
	var logErr error
	read := make(chan struct{})
	go func() {
		defer close(read)
		totals, logErr = l.Log.Totals(ctx)
	}()
	generations, rowsErr := l.Rows.List(ctx)
	<-read
	if rowsErr == nil {
		l.rowsRead = now
	}
	if logErr == nil {
		l.logRead = now
	}
	switch {
	case rowsErr != nil:
		return httpapi.Delay{Behind: time.Since(l.rowsRead), Reason: httpapi.DelayRows}
	case logErr != nil:
		return httpapi.Delay{Behind: time.Since(l.logRead), Reason: httpapi.DelayLog}
	}
	return l.folded(ctx, glimpse{now, totals.Head}, generations)
}

// folded returns how far the generations are behind a head.
func (l *Liveness) folded(ctx context.Context, seen glimpse, generations []readmodel.GenerationState) httpapi.Delay {
	low, paused := seen.head, false
	for _, g := range generations {
		if g.Active {
			low, paused = min(low, g.Position), paused || g.Paused && g.Position < seen.head
		}
	}
	waiting := l.ahead[:0]
	for _, earlier := range l.ahead {
		if earlier.head > low {
			waiting = append(waiting, earlier)
		}
	}
	if seen.head > low && len(waiting) < maxGlimpses && (len(waiting) == 0 || waiting[len(waiting)-1].head < seen.head) {
		waiting = append(waiting, seen)
	}
	l.ahead = waiting
	delay := httpapi.Delay{Reason: httpapi.DelayRows}
	if paused {
		delay.Reason = httpapi.DelayPaused
	}
	if len(waiting) > 0 {
		delay.Behind = time.Since(waiting[0].at)
	}
	if paused || delay.Behind > memory {
		// It began before this process looked, and the log knows when.
		if next, err := l.Log.Read(ctx, low, 1); err == nil && len(next) > 0 {
			delay.Behind = max(delay.Behind, time.Since(next[0].RecordedAt))
		}
	}
	return delay
}
