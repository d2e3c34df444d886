package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"jangbu/projections"
	"jangbu/readmodel"
)

const (
	// actPoll is how long an operation may wait before somebody looks.
	actPoll = 50 * time.Millisecond
	// noteEvery is how often the progress of an operation is written down.
	noteEvery = 250 * time.Millisecond
	// A rebuild of rows of an earlier version that has failed is asked for again after
	// firstRenovation, and then after twice as long each time, up to lastRenovation.
	firstRenovation = time.Second
	lastRenovation  = 10 * time.Minute
)

// handover is the last step of an operation, which the follower takes between two batches:
// while nothing that is served moves.
type handover struct {
	do   func(context.Context) error
	done chan error
}

// clerk carries out what operators ask for, one operation after the other, beside the
// following of the log and under the same lease.
func (f *follower) clerk(ctx context.Context) error {
	renovated, again := time.Now(), firstRenovation
	for {
		op, ok, err := f.cfg.Rows.Next(ctx)
		if err != nil {
			return err
		}
		switch {
		case ok:
			f.note(func(s *Status) { s.Acting = true })
			err = f.carryOut(ctx, op)
			f.note(func(s *Status) { s.Acting = false })
		case time.Since(renovated) > again:
			err = f.hand(ctx, f.renovate)
			renovated, again = time.Now(), min(2*again, lastRenovation)
		default:
			err = sleep(ctx, actPoll)
		}
		if err != nil {
			return err
		}
	}
}

// carryOut carries out one operation from its beginning, also where another process had
// begun it. An error is of this term of office; what is the operation's own is noted with it.
func (f *follower) carryOut(ctx context.Context, op readmodel.Operation) error {
	log := f.cfg.Logger.With(slog.Int64("operation", op.ID), slog.String("kind", string(op.Kind)), slog.Any("projections", op.Projections))
	log.InfoContext(ctx, "projections: an operation begins", slog.String("who", op.Who), slog.String("why", op.Why))
	op.State, op.Owner, op.At, op.To = readmodel.Running, f.lease.Owner, 0, 0
	if err := f.cfg.Rows.Note(ctx, f.lease, op); err != nil {
		return err
	}
	start := time.Now()
	err := f.perform(ctx, &op)
	switch {
	case err == nil:
		log.InfoContext(ctx, "projections: an operation is done", slog.Duration("took", time.Since(start)))
		f.clearUp(ctx, log)
		return nil
	case ctx.Err() != nil, errors.Is(err, readmodel.ErrFenced):
		return err
	}
	log.ErrorContext(ctx, "projections: an operation has failed", slog.Any("error", err))
	op.State, op.Error = readmodel.Failed, err.Error()
	if noteErr := f.cfg.Rows.Note(ctx, f.lease, op); noteErr != nil {
		return errors.Join(err, noteErr)
	}
	f.clearUp(ctx, log)
	if isFatal(err) {
		return err
	}
	return nil
}

// clearUp prunes what an operation has left. What stays for now, the next one prunes.
func (f *follower) clearUp(ctx context.Context, log *slog.Logger) {
	if err := f.cfg.Rows.Prune(ctx, f.lease, f.giveWay); err != nil {
		log.WarnContext(ctx, "projections: not cleared up after an operation", slog.Any("error", err))
	}
}

func (f *follower) perform(ctx context.Context, op *readmodel.Operation) error {
	ps := make([]projections.Projection, len(op.Projections))
	for i, name := range op.Projections {
		for _, p := range f.cfg.Projections {
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
		return f.rebuild(ctx, op, ps)
	case readmodel.Reset:
		return f.reset(ctx, op, ps)
	case readmodel.Rollback:
		return f.rollback(ctx, op, ps)
	case readmodel.Pause, readmodel.Resume:
		return f.hand(ctx, func(ctx context.Context) error { return f.pause(ctx, op) })
	default:
		return fmt.Errorf("there is no operation %q", op.Kind)
	}
}

// pause stops or continues the folding of the operation's projections.
func (f *follower) pause(ctx context.Context, op *readmodel.Operation) error {
	paused := op.Kind == readmodel.Pause
	if err := f.cfg.Rows.Pause(ctx, f.lease, op.ID, op.Projections, paused); err != nil {
		return err
	}
	for _, name := range op.Projections {
		f.cursor(name).paused = paused
	}
	return nil
}

// hand has the follower do the last step of an operation, and waits for it.
func (f *follower) hand(ctx context.Context, do func(context.Context) error) error {
	h := handover{do, make(chan error, 1)}
	select {
	case f.handovers <- h:
		return <-h.done
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeOver does the last step of an operation.
func (h handover) takeOver(ctx context.Context) { h.done <- h.do(ctx) }

// progress returns what writes down how far the operation is, now and then.
func (f *follower) progress(ctx context.Context, op *readmodel.Operation) func() {
	last := time.Now()
	return func() {
		if time.Since(last) < noteEvery {
			return
		}
		last = time.Now()
		if err := f.cfg.Rows.Note(ctx, f.lease, *op); err != nil && ctx.Err() == nil {
			f.cfg.Logger.WarnContext(ctx, "projections: progress of an operation not noted", slog.Any("error", err))
		}
	}
}
