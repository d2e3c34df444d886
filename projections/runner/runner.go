package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
	"jangbu/readmodel/lease"
)

// LeaseName is the lease under which live projections run.
const LeaseName = "projections"

const (
	// DefaultLeaseTTL is for how long a dead process keeps the others waiting.
	DefaultLeaseTTL = 4 * time.Second
	// DefaultHistoryEvery is how often the leader compares the history of the rows with that
	// of the log.
	DefaultHistoryEvery = time.Minute
	// DefaultBatch is the most events that are read and folded at once. Larger batches cost
	// memory, smaller ones write the same hot rows more often.
	DefaultBatch = 20_000

	// DefaultMemory is what a rebuild folds into memory.
	DefaultMemory = 300 << 20
	// rowMemory is about what a row occupies, with its entry in a map.
	rowMemory = 320

	// A failure is followed by a pause of minPause, each further one by a pause twice as
	// long, up to maxPause.
	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
)

// Config says what to run and on what.
type Config struct {
	Log         events.Log
	Rows        readmodel.Store
	Projections []projections.Projection
	// Owner names this process to operators. No other process may have the same.
	Owner  string
	Logger *slog.Logger
	// Committed is called with every change of what is served, in order, right after its
	// commit. It must not take long. Nil calls nothing.
	Committed func(readmodel.Change)

	// Tail is what Log keeps in memory; nil: nothing.
	Tail Tail

	// Memory bounds the bytes of rows that a rebuild folds before it writes them; 0:
	// DefaultMemory.
	Memory int64

	LeaseTTL     time.Duration // 0: DefaultLeaseTTL
	HistoryEvery time.Duration // 0: DefaultHistoryEvery
	Batch        int           // events; 0: DefaultBatch
}

// Tail is the newest events of a log in memory.
type Tail interface {
	// Forget drops them, since they may have been overwritten. It is called before each
	// operation, and as a term begins.
	Forget()
	// Release drops those up to a position, which have been folded.
	Release(to events.Position)
}

// noTail is that of a log that keeps nothing in memory.
type noTail struct{}

func (noTail) Forget() {}

func (noTail) Release(events.Position) {}

// Status is what a runner is doing.
type Status struct {
	// Leading says that this process is the leader: it holds the lease and folds.
	Leading bool
	// Operating says that it carries out an operation, or clears up after one.
	Operating bool
	// Checkpoints are those of the active generations, as this process last knew them.
	Checkpoints []readmodel.Checkpoint
	// HistoryChanges counts how often this process found, as the leader, that the rows were
	// of a history that the log did not have.
	HistoryChanges int64
	// LastError is the last failure; nil once a later attempt succeeds.
	LastError error
	// Failures counts the failures.
	Failures int64
}

// Runner follows the log. Make one with [New]. One goroutine may call Run; any may call
// Status and Settle.
type Runner struct {
	cfg      Config
	keeper   *lease.Keeper
	maxRows  int // that a rebuild folds in memory
	hotBytes int // of the rows that a leader keeps
	kept     *replay.Snapshots
	// leastUnkept is how long a log is whose rows are rebuilt for their snapshots.
	leastUnkept events.Position
	// failing says that a term has failed since the last one began, unrecorded that its failure could
	// not be recorded: the next ones are not logged.
	failing, unrecorded atomic.Bool
	// away is the last operation in whose midst the database was away, and how often. The worker of
	// the term owns it.
	away struct {
		operation int64
		times     int
	}

	mu     sync.Mutex
	status Status // guarded by mu
}

// New checks the configuration and returns a runner that is not yet running.
func New(cfg Config) (*Runner, error) {
	switch {
	case cfg.Log == nil, cfg.Rows == nil, cfg.Logger == nil:
		return nil, errors.New("new runner: log, rows and logger are required")
	case len(cfg.Projections) == 0:
		return nil, errors.New("new runner: a projection is required")
	case cfg.Owner == "":
		return nil, errors.New("new runner: owner is required")
	}
	if cfg.LeaseTTL <= 0 {
		cfg.LeaseTTL = DefaultLeaseTTL
	}
	if cfg.HistoryEvery <= 0 {
		cfg.HistoryEvery = DefaultHistoryEvery
	}
	if cfg.Batch <= 0 {
		cfg.Batch = DefaultBatch
	}
	if cfg.Committed == nil {
		cfg.Committed = func(readmodel.Change) {}
	}
	if cfg.Memory <= 0 {
		cfg.Memory = DefaultMemory
	}
	if cfg.Tail == nil {
		cfg.Tail = noTail{}
	}
	r := &Runner{cfg: cfg, maxRows: int(cfg.Memory / rowMemory), hotBytes: maxHotBytes, kept: replay.NewSnapshots(cfg.Projections, 0), leastUnkept: leastUnkept}
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

// Run follows the log until ctx ends, then gives the lease up and returns nil. It returns
// an error only where an invariant is broken or another attempt would fail as well:
// [events.ErrGap], [events.ErrCorrupt], [readmodel.ErrVersion].
func (r *Runner) Run(ctx context.Context) error {
	pause := minPause
	for ctx.Err() == nil {
		advanced, err := r.lead(ctx)
		r.note(func(s *Status) {
			if s.Leading, s.LastError = false, err; err != nil && ctx.Err() == nil && !errors.Is(err, readmodel.ErrFenced) {
				s.Failures++
			}
		})
		r.record(ctx, err)
		if isFatal(err) {
			return fmt.Errorf("run projections: %w", err)
		}
		if advanced {
			pause = minPause
		}
		if ctx.Err() == nil { // else the error comes of that
			r.report(ctx, err)
		}
		_ = sleep(ctx, pause) // the loop's condition says the same
		pause = min(2*pause, maxPause)
	}
	return nil
}

// report logs the end of a term, and of terms that fail one after the other the first.
func (r *Runner) report(ctx context.Context, err error) {
	if errors.Is(err, readmodel.ErrFenced) {
		r.cfg.Logger.WarnContext(ctx, "projections: fenced, acquiring the lease anew", slog.String("owner", r.cfg.Owner))
		return
	}
	if !r.failing.Swap(true) {
		r.cfg.Logger.ErrorContext(ctx, "projections: trying again", slog.Any("error", err))
	}
}

// record keeps the failure in the store, for operators.
func (r *Runner) record(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil || errors.Is(err, readmodel.ErrFenced) {
		return
	}
	recording, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	e := r.cfg.Rows.Fault(recording, LeaseName, r.cfg.Owner, err.Error())
	if before := r.unrecorded.Swap(e != nil); e != nil && !before {
		r.cfg.Logger.WarnContext(ctx, "projections: failure not recorded", slog.Any("error", e))
	}
}

func isFatal(err error) bool {
	return errors.Is(err, events.ErrGap) || errors.Is(err, events.ErrCorrupt) ||
		errors.Is(err, readmodel.ErrVersion)
}

// lead waits for the lease, and is the leader while it lasts. It reports whether a
// checkpoint has moved.
func (r *Runner) lead(ctx context.Context) (advanced bool, err error) {
	err = r.keeper.Hold(ctx, func(term context.Context, held readmodel.Lease) error {
		l := leader{Runner: r, lease: held, steps: make(chan step), hot: newHot(r.cfg.Rows, r.cfg.Projections, r.hotBytes)}
		r.cfg.Tail.Forget()
		l.commit = func(_ context.Context, advances []readmodel.Advance, rows *readmodel.Rows) (readmodel.Revision, error) {
			return r.cfg.Rows.Commit(ctx, held, advances, rows)
		}
		if err := l.register(term); err != nil {
			return err
		}
		r.failing.Store(false)
		r.cfg.Logger.InfoContext(term, "projections: following the log",
			slog.String("owner", held.Owner), slog.Int64("epoch", held.Epoch), slog.Int64("from", int64(l.lowest())))
		group, running := errgroup.WithContext(term)
		group.Go(func() error { return l.work(running) })
		group.Go(func() (err error) {
			advanced, err = l.follow(running)
			return err
		})
		return group.Wait()
	})
	return advanced, err
}

// standBy notes that another process is the leader, which is no failure.
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
