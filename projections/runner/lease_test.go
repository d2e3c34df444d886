package runner_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// slowCommits is rows whose commits take a while, for which the lease has to wait.
type slowCommits struct {
	readmodel.Store
	take   time.Duration
	locked chan struct{} // holds one: the lock of the lease's row
}

func (s slowCommits) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case s.locked <- struct{}{}:
		return func() { <-s.locked }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s slowCommits) Commit(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows) (readmodel.Revision, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return readmodel.Revision{}, err
	}
	defer unlock()
	select {
	case <-time.After(s.take):
		return s.Store.Commit(ctx, lease, advances, rows)
	case <-ctx.Done():
		return readmodel.Revision{}, ctx.Err()
	}
}

func (s slowCommits) Acquire(ctx context.Context, name, owner string, ttl time.Duration) (readmodel.Lease, bool, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return readmodel.Lease{}, false, err
	}
	defer unlock()
	return s.Store.Acquire(ctx, name, owner, ttl)
}

// TestCommitLongerThanTheLease: a commit that takes longer than the lease lasts, and
// whose lock keeps it from being renewed, is not begun again and again.
func TestCommitLongerThanTheLease(t *testing.T) {
	t.Parallel()
	log, store := openLog(t), openRows(t)
	head := appendAll(t, log, drafts(t, 5, 100), 100)
	cfg := config(log, slowCommits{store, 300 * time.Millisecond, make(chan struct{}, 1)}, "first", 100, projections.All())
	cfg.LeaseTTL = 200 * time.Millisecond
	r, err := runner.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	waitFor(t, r, head)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	compare(t, "after slow commits", inMemory(t, log, head), store)
}

// replacedWhileFrozen are rows that another leader writes while this process, frozen, was about
// to load some.
type replacedWhileFrozen struct {
	readmodel.Store
	once    sync.Once
	replace func()
}

func (f *replacedWhileFrozen) Load(ctx context.Context, at []readmodel.Checkpoint, keys *readmodel.Keys) (*readmodel.Rows, error) {
	f.once.Do(f.replace)
	return f.Store.Load(ctx, at, keys)
}

// TestWokenLeaderIsFenced: a leader that wakes up with rows that its successor has folded
// further is fenced by them, and does not fold onto them.
func TestWokenLeaderIsFenced(t *testing.T) {
	t.Parallel()
	log, store := openLog(t), openRows(t)
	head := appendAll(t, log, drafts(t, 41, 300), 100)
	link, _, err := log.Chain().Link(t.Context(), head)
	if err != nil {
		t.Fatal(err)
	}
	rows := &replacedWhileFrozen{Store: store, replace: func() {
		if err := store.Release(t.Context(), readmodel.Lease{Name: runner.LeaseName, Owner: "victim", Epoch: 1}); err != nil {
			t.Error(err)
		}
		successor, ok, err := store.Acquire(t.Context(), runner.LeaseName, "successor", 200*time.Millisecond)
		if err != nil || !ok {
			t.Errorf("acquire: %v, %v", ok, err)
		}
		all, err := store.List(t.Context())
		if err != nil {
			t.Error(err)
		}
		var advances []readmodel.Advance
		for _, g := range all {
			advances = append(advances, readmodel.Advance{Checkpoint: g.Checkpoint, To: head, Link: link})
		}
		if _, err := store.Commit(t.Context(), successor, advances, inMemory(t, log, head)); err != nil {
			t.Error(err)
		}
	}}
	r, _ := start(t, log, rows, "victim", 20, projections.All())
	waitFor(t, r, head)
	compare(t, "after the successor", inMemory(t, log, head), store)
}
