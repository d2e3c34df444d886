package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/lease"
)

// LeaseName is the lease under which live projections run.
const LeaseName = "projections"

const (
	// DefaultLeaseTTL is how long a dead process holds up the others.
	DefaultLeaseTTL = 4 * time.Second
	// DefaultBatch is the most events that one commit folds. Larger ones cost
	// memory, smaller ones write the same hot rows more often.
	DefaultBatch = 20_000

	// maxRest bounds what a reader waits for beyond the fold itself.
	maxRest = 250 * time.Millisecond

	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
)

// ErrAhead says that the rows claim to contain events that the log does not have. They
// belong to another log, or the log was restored from an older backup.
var ErrAhead = errors.New("rows are ahead of the log")

// Config says what to run and on what.
type Config struct {
	Log         events.Log
	Rows        readmodel.Store
	Projections []projections.Projection
	// Owner names this process to operators and tells its leases from others'.
	Owner  string
	Logger *slog.Logger
	// Committed is told of every change of what is served, in order, right after its
	// commit; it must not take long. Nil: nobody is told.
	Committed func(readmodel.Change)

	LeaseTTL time.Duration // 0: DefaultLeaseTTL
	Batch    int           // events; 0: DefaultBatch
}

// Status is what a runner is doing.
type Status struct {
	// Leading says whether this process holds the lease and folds.
	Leading bool
	// Acting says whether it carries an operation out, or clears up after one.
	Acting bool
	// Checkpoints of the active generations as this process last knew them.
	Checkpoints []readmodel.Checkpoint
	// LastError is the last failure, nil once work goes on.
	LastError error
}

// Runner follows the log. Make one with [New].
type Runner struct {
	cfg     Config
	keeper  *lease.Keeper
	maxRows int // that a rebuild folds in memory

	mu     sync.Mutex
	status Status
}

// New checks the configuration and returns a runner that is not yet running.
func New(cfg Config) (*Runner, error) {
	switch {
	case cfg.Log == nil, cfg.Rows == nil, cfg.Logger == nil:
		return nil, errors.New("new runner: log, rows and logger are required")
	case len(cfg.Projections) == 0:
		return nil, errors.New("new runner: no projections")
	case cfg.Owner == "":
		return nil, errors.New("new runner: the owner has no name")
	}
	if cfg.LeaseTTL <= 0 {
		cfg.LeaseTTL = DefaultLeaseTTL
	}
	if cfg.Batch <= 0 {
		cfg.Batch = DefaultBatch
	}
	if cfg.Committed == nil {
		cfg.Committed = func(readmodel.Change) {}
	}
	r := &Runner{cfg: cfg, maxRows: maxRowsInMemory}
	r.keeper = lease.New(lease.Config{
		Leases: cfg.Rows, Name: LeaseName, Owner: cfg.Owner, TTL: cfg.LeaseTTL, Logger: cfg.Logger, StandBy: r.standBy,
	})
	return r, nil
}

// Status returns what the runner is doing.
func (r *Runner) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.Checkpoints = slices.Clone(s.Checkpoints)
	return s
}

// Run follows the log until ctx ends, then gives the lease up and returns nil.
// It returns an error only where an invariant is broken or a configuration can
// never work: [events.ErrGap], [events.ErrCorrupt], [readmodel.ErrVersion],
// [ErrAhead].
func (r *Runner) Run(ctx context.Context) error {
	pause := minPause
	for ctx.Err() == nil {
		advanced, err := r.lead(ctx)
		r.note(func(s *Status) { s.Leading, s.LastError = false, err })
		r.record(ctx, err)
		if isFatal(err) {
			return fmt.Errorf("run projections: %w", err)
		}
		if advanced {
			pause = minPause
		}
		if ctx.Err() == nil { // else whatever the error is, it comes of that
			r.report(ctx, err, pause)
		}
		_ = sleep(ctx, pause) // the loop's condition says the same
		pause = min(2*pause, maxPause)
	}
	return nil
}

func (r *Runner) report(ctx context.Context, err error, pause time.Duration) {
	if errors.Is(err, readmodel.ErrFenced) {
		r.cfg.Logger.WarnContext(ctx, "projections: fenced, acquiring the lease anew", slog.String("owner", r.cfg.Owner))
		return
	}
	r.cfg.Logger.ErrorContext(ctx, "projections: trying again", slog.Any("error", err), slog.Duration("after", pause))
}

// record leaves the failure where operators find it.
func (r *Runner) record(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil || errors.Is(err, readmodel.ErrFenced) {
		return
	}
	recording, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if e := r.cfg.Rows.Fault(recording, LeaseName, r.cfg.Owner, err.Error()); e != nil {
		r.cfg.Logger.WarnContext(ctx, "projections: failure not recorded", slog.Any("error", e))
	}
}

func isFatal(err error) bool {
	return errors.Is(err, events.ErrGap) || errors.Is(err, events.ErrCorrupt) ||
		errors.Is(err, readmodel.ErrVersion) || errors.Is(err, ErrAhead)
}

// lead waits for the lease and follows the log while it lasts. It reports
// whether any checkpoint has moved.
func (r *Runner) lead(ctx context.Context) (advanced bool, err error) {
	err = r.keeper.Hold(ctx, func(term context.Context, held readmodel.Lease) error {
		f := follower{Runner: r, lease: held, handovers: make(chan handover)}
		if err := f.register(term); err != nil {
			return err
		}
		r.cfg.Logger.InfoContext(term, "projections: following the log",
			slog.String("owner", held.Owner), slog.Int64("epoch", held.Epoch), slog.Int64("from", int64(f.lowest())))
		group, running := errgroup.WithContext(term)
		group.Go(func() error { return f.clerk(running) })
		group.Go(func() (err error) {
			advanced, err = f.follow(running)
			return err
		})
		return group.Wait()
	})
	return advanced, err
}

// standBy notes that another process leads.
func (r *Runner) standBy(ctx context.Context) {
	r.note(func(s *Status) { s.LastError = nil })
	r.cfg.Logger.InfoContext(ctx, "projections: standing by, another process holds the lease")
}

func (r *Runner) note(change func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.status)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
