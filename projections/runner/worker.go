package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

const (
	// pollEvery is how often the worker looks for an operation.
	pollEvery = 50 * time.Millisecond
	// noteEvery is how often the progress of an operation is recorded.
	noteEvery = 250 * time.Millisecond
	// A rebuild of outdated rows that has failed is asked for again after firstRetry, and
	// then after twice as long each time, up to lastRetry.
	firstRetry = time.Second
	lastRetry  = 10 * time.Minute
	// awayTries is how often in all an operation is begun in whose midst the database was away:
	// a disk that it fills itself is away too.
	awayTries = 3
)

// work carries out operations, one after the other, beside the folding of new events and
// under the same lease.
func (l *leader) work(ctx context.Context) error {
	asked, again := time.Now(), firstRetry
	for {
		op, ok, err := l.cfg.Rows.Next(ctx)
		if err != nil {
			return err
		}
		switch {
		case ok:
			l.note(func(s *Status) { s.Operating = true })
			err = l.carryOut(ctx, op)
			l.note(func(s *Status) { s.Operating = false })
		case time.Since(asked) > again:
			err = l.betweenBatches(ctx, l.rebuildOutdated)
			asked, again = time.Now(), min(2*again, lastRetry)
		default:
			err = sleep(ctx, pollEvery)
		}
		if err != nil {
			return err
		}
	}
}

// carryOut carries out one operation from its beginning, also where another process had
// begun it. An error that is the operation's own is recorded with it; a returned error
// ends the term.
func (l *leader) carryOut(ctx context.Context, op readmodel.Operation) error {
	log := l.cfg.Logger.With(slog.Int64("operation", op.ID), slog.String("kind", string(op.Kind)), slog.Any("projections", op.Projections))
	log.InfoContext(ctx, "projections: an operation begins", slog.String("who", op.Who), slog.String("why", op.Why))
	op.State, op.Owner, op.At, op.To = readmodel.Running, l.lease.Owner, 0, 0
	if err := l.cfg.Rows.Note(ctx, l.lease, op); err != nil {
		return err
	}
	start := time.Now()
	err := l.perform(ctx, &op)
	switch {
	case err == nil:
		log.InfoContext(ctx, "projections: an operation is done", slog.Duration("took", time.Since(start)))
		l.clearUp(ctx, log)
		return nil
	case ctx.Err() != nil, errors.Is(err, readmodel.ErrFenced):
		return err
	case errors.Is(err, events.ErrAway) && l.triesAgain(op.ID):
		// Only the answer may have been lost. The next term finds what was written, and the operation unless that ended it.
		return err
	}
	log.ErrorContext(ctx, "projections: an operation has failed", slog.Any("error", err))
	op.State, op.Error = readmodel.Failed, err.Error()
	if noteErr := l.cfg.Rows.Note(ctx, l.lease, op); noteErr != nil {
		return errors.Join(err, noteErr)
	}
	l.clearUp(ctx, log)
	if isFatal(err) {
		return err
	}
	return nil
}

// triesAgain counts that the database was away in the midst of an operation.
func (l *leader) triesAgain(op int64) bool {
	if l.away.operation != op {
		l.away.operation, l.away.times = op, 0
	}
	l.away.times++
	return l.away.times < awayTries
}

// clearUp prunes the generations that an operation has left. Where that fails, the next
// operation prunes them.
func (l *leader) clearUp(ctx context.Context, log *slog.Logger) {
	if err := l.cfg.Rows.Prune(ctx, l.lease, l.waitForFolding); err != nil {
		log.WarnContext(ctx, "projections: not cleared up after an operation", slog.Any("error", err))
	}
}

func (l *leader) perform(ctx context.Context, op *readmodel.Operation) error {
	ps := make([]projections.Projection, len(op.Projections))
	for i, name := range op.Projections {
		for _, p := range l.cfg.Projections {
			if p.Name() == name {
				ps[i] = p
			}
		}
		if ps[i].Table == nil {
			return fmt.Errorf("there is no projection %q", name)
		}
	}
	switch op.Kind {
	case readmodel.Rebuild:
		return l.rebuild(ctx, op, ps)
	case readmodel.Reset, readmodel.Heal:
		return l.reset(ctx, op, ps)
	case readmodel.Rollback:
		return l.rollback(ctx, op, ps)
	case readmodel.Pause, readmodel.Resume:
		return l.betweenBatches(ctx, func(ctx context.Context) error { return l.pause(ctx, op) })
	default:
		return fmt.Errorf("there is no operation %q", op.Kind)
	}
}

// pause stops or continues the folding of the operation's projections.
func (l *leader) pause(ctx context.Context, op *readmodel.Operation) error {
	paused := op.Kind == readmodel.Pause
	if err := l.cfg.Rows.Pause(ctx, l.lease, op.ID, op.Projections, paused); err != nil {
		return err
	}
	for _, name := range op.Projections {
		l.cursor(name).paused = paused
	}
	return nil
}

// betweenBatches has the goroutine that folds run do, and waits for it.
func (l *leader) betweenBatches(ctx context.Context, do func(context.Context) error) error {
	s := step{do, make(chan error, 1)}
	select {
	case l.steps <- s:
		return <-s.done
	case <-ctx.Done():
		return ctx.Err()
	}
}

// progress returns a function that records how far the operation is, at most once each
// noteEvery.
func (l *leader) progress(ctx context.Context, op *readmodel.Operation) func() {
	last := time.Now()
	return func() {
		if time.Since(last) < noteEvery {
			return
		}
		last = time.Now()
		if err := l.cfg.Rows.Note(ctx, l.lease, *op); err != nil && ctx.Err() == nil {
			l.cfg.Logger.WarnContext(ctx, "projections: progress of an operation not noted", slog.Any("error", err))
		}
	}
}
