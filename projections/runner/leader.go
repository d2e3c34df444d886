package runner

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// leader is a runner from taking the lease to losing it. One goroutine folds new events
// ([leader.follow]), another, the worker, carries out operations ([leader.work]).
type leader struct {
	*Runner
	lease readmodel.Lease // never changes
	// commit writes rows under the lease. It ends with the process, not with the lease,
	// whose epoch fences it: the lease cannot be renewed while a commit holds its row, so
	// one that takes longer than the lease lasts would be begun again forever.
	commit writeRows
	// steps are what the worker wants done between two batches.
	steps chan step
	// folding is locked while new events are folded into what is served; waitForFolding
	// waits for that.
	folding sync.RWMutex
	// large says how many rows campaigns have of which not every snapshot is taken.
	large large
	// behind says that there were more new events than are folded at once.
	behind atomic.Bool

	// The goroutine that folds owns the rest.

	cursors      []cursor // of the active generations
	hot          *hot
	check        time.Time // when the history is compared again
	due          time.Time // when the next stretch may be written
	faultCleared bool      // the last failure is no longer recorded
}

// take takes a step of the worker's. It may write what is kept, or follow a change of the log.
func (l *leader) take(ctx context.Context, s step) {
	l.hot.drop()
	l.cfg.Tail.Forget()
	s.done <- s.do(ctx)
}

// step is the last step of an operation. It is taken between two batches, while nothing
// that is served moves.
type step struct {
	do   func(context.Context) error
	done chan error
}

// cursor returns that of a projection.
func (l *leader) cursor(name string) *cursor {
	i := slices.IndexFunc(l.cursors, func(c cursor) bool { return c.Name() == name })
	return &l.cursors[i]
}

// register finds or makes the generations that are served, and asks for the rebuild of
// those that are outdated.
func (l *leader) register(ctx context.Context) error {
	wanted := make([]readmodel.Checkpoint, len(l.cfg.Projections))
	for i, p := range l.cfg.Projections {
		wanted[i] = readmodel.Checkpoint{Projection: p.Name(), Version: p.Version}
	}
	if _, err := l.cfg.Rows.Register(ctx, wanted); err != nil {
		return fmt.Errorf("register projections: %w", err)
	}
	if err := l.settleHistory(ctx); err != nil {
		return err
	}
	l.check = time.Now().Add(l.cfg.HistoryEvery)
	active, err := l.cfg.Rows.Register(ctx, wanted)
	if err != nil {
		return fmt.Errorf("register projections: %w", err)
	}
	all, err := l.cfg.Rows.List(ctx)
	if err != nil {
		return err
	}
	l.cursors = make([]cursor, len(active))
	for i, at := range active {
		l.cursors[i] = cursor{Projection: l.cfg.Projections[i], at: at, paused: slices.ContainsFunc(all, func(g readmodel.GenerationState) bool {
			return g.Paused && g.Projection == at.Projection
		})}
	}
	if err := l.rebuildOutdated(ctx); err != nil {
		return err
	}
	if err := l.rebuildUnkept(ctx, all); err != nil {
		return err
	}
	l.publish()
	return nil
}

// rebuildOutdated asks for a rebuild of the projections whose rows are of an earlier
// version. Until it is done those rows are served, and are not folded further. It asks as
// well where rows were abandoned.
func (l *leader) rebuildOutdated(ctx context.Context) error {
	var outdated []string
	why := "the program has a newer version of the projection"
	for i := range l.cursors {
		if c := &l.cursors[i]; c.outdated() {
			outdated = append(outdated, c.Name())
			if c.at.Version == 0 {
				why = "their entry was lost, or the log went back or is another one"
			}
		}
	}
	if len(outdated) == 0 {
		return nil
	}
	slices.Sort(outdated)
	l.cfg.Logger.WarnContext(ctx, "projections: rows are being rebuilt from the log", slog.Any("projections", outdated), slog.String("why", why))
	_, err := l.cfg.Rows.Ask(ctx, readmodel.Operation{
		Kind: readmodel.Rebuild, Projections: outdated, Who: l.lease.Owner, Why: why,
	})
	return err
}

// follow folds what there is and waits for more, until an error. It reports whether a
// checkpoint has moved.
func (l *leader) follow(ctx context.Context) (advanced bool, err error) {
	for {
		select {
		case s := <-l.steps:
			l.take(ctx, s)
		default:
		}
		if !time.Now().Before(l.check) {
			if err := l.checkHistory(ctx); err != nil {
				return advanced, err
			}
			l.check = time.Now().Add(l.cfg.HistoryEvery)
		}
		moved, err := l.foldOn(ctx)
		advanced = advanced || moved
		if err != nil {
			return advanced, err
		}
		if moved {
			continue
		}
		// No projection moved, so all stand at the head.
		l.clearFault(ctx)
		if err := l.wait(ctx); err != nil {
			return advanced, err
		}
	}
}

// foldOn folds what there is. It reports whether a checkpoint has moved.
func (l *leader) foldOn(ctx context.Context) (moved bool, err error) {
	groups := l.groups()
	if len(groups) == 1 {
		return l.stream(ctx, groups[0])
	}
	most, start := &stretch{}, time.Now()
	for _, g := range groups {
		done, err := l.advance(ctx, g)
		if err != nil {
			return moved, err
		}
		if done.events > most.events {
			most, moved = done, true
		}
	}
	if !moved {
		return false, nil
	}
	l.publish()
	if most.events < l.cfg.Batch {
		err = l.idle(ctx, idleAfter(time.Since(start), most.events, most.appends))
	}
	return true, err
}

// idle waits for a while, or for a step of the worker's, which it takes.
func (l *leader) idle(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case s := <-l.steps:
		l.take(ctx, s)
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// wait waits until the log has grown, until the history is to be compared, or for a step of
// the worker's, which it takes.
func (l *leader) wait(ctx context.Context) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	grown := make(chan error, 1)
	go func() {
		_, err := l.cfg.Log.Wait(waiting, l.lowest())
		grown <- err
	}()
	var err error
	due := time.NewTimer(time.Until(l.check))
	defer due.Stop()
	select {
	case err = <-grown:
	case <-due.C:
		cancel()
		err = <-grown
	case s := <-l.steps:
		cancel()
		err = <-grown
		l.take(ctx, s)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && waiting.Err() == nil:
		return fmt.Errorf("wait for the log: %w", err)
	}
	return nil
}

// clearFault records once in a term that projections work. A failure to do so is tried
// again at the next call.
func (l *leader) clearFault(ctx context.Context) {
	if l.faultCleared {
		return
	}
	l.faultCleared = l.cfg.Rows.Fault(ctx, LeaseName, l.lease.Owner, "") == nil
}

// lowest returns the position of the live cursor that is farthest behind; where none is
// live, one that the log does not reach.
func (l *leader) lowest() events.Position {
	if all := l.groups(); len(all) > 0 {
		return all[len(all)-1].from
	}
	return math.MaxInt64
}

// active returns the position of the active generation of the projection, as last
// published. The worker may call it.
func (l *leader) active(name string) events.Position {
	for _, c := range l.Status().Checkpoints {
		if c.Projection == name {
			return c.Position
		}
	}
	return 0
}

// publish makes the checkpoints part of the runner's status.
func (l *leader) publish() {
	at := make([]readmodel.Checkpoint, len(l.cursors))
	for i, c := range l.cursors {
		at[i] = c.at
	}
	l.note(func(s *Status) { s.Leading, s.Checkpoints, s.LastError = true, at, nil })
}
