package readmodeltest

import (
	"errors"
	"sync"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

func testRevision(t *testing.T, a Adapter) {
	t.Run("without projections it is at position 0", func(t *testing.T) {
		t.Parallel()
		got := revision(t, a.Database(t, Tables())())
		if got.Incarnation <= 0 || got.Edits != 0 || got.Position != 0 {
			t.Errorf("Revision = %+v, want an incarnation, no edits, position 0", got)
		}
	})

	t.Run("it grows with every commit, to what the commit returns", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		last := revision(t, b.store)
		for _, rows := range []*readmodel.Rows{fullRows("evt-1"), newRows(), fullRows("evt-1")} {
			b.commit(t, rows)
			want := last
			want.Position += events.Position(len(b.at)) // each moved by one
			if b.revision != want {
				t.Errorf("Commit = %+v, want %+v", b.revision, want)
			}
			if got := revision(t, b.store); got != want {
				t.Errorf("Revision = %+v, want %+v", got, want)
			}
			last = want
		}
	})

	t.Run("it is the sum of all checkpoints, however few move", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		register(t, b.store, readmodel.Checkpoint{Projection: "another", Version: version})
		sum := events.Position(0)
		for i, by := range []events.Position{1, 20, 300, 4000} {
			advance := readmodel.Advance{Checkpoint: b.at[i], To: by}
			got, err := b.store.Commit(t.Context(), b.lease, []readmodel.Advance{advance}, newRows())
			if err != nil {
				t.Fatalf("Commit: %v", err)
			}
			if sum += by; got.Position != sum {
				t.Errorf("Commit = %+v, want position %d", got, sum)
			}
		}
	})

	t.Run("the same state has the same revision, in every process and after a restart", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		register(t, b.store, tables()...)
		acquire(t, b.store, leaseName, owner, longTTL)
		for _, store := range []readmodel.Store{b.store, b.store, b.open(), b.open()} {
			if got := revision(t, store); got != b.revision {
				t.Errorf("Revision = %+v, want %+v", got, b.revision)
			}
		}
		b.store = b.open()
		b.commit(t, fullRows("evt-1")) // fails unless the revision is later
	})

	t.Run("a refused commit leaves it as it is", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		stale := b.advances(1)
		stale[3].Position--
		if got, err := b.store.Commit(t.Context(), b.lease, stale, fullRows("evt-1")); !errors.Is(err, readmodel.ErrFenced) || got != (readmodel.Revision{}) {
			t.Errorf("Commit = %+v, %v; want none and ErrFenced", got, err)
		}
		if got := revision(t, b.store); got != b.revision {
			t.Errorf("Revision = %+v, want %+v", got, b.revision)
		}
	})

	t.Run("another database has another incarnation", func(t *testing.T) {
		t.Parallel()
		first := revision(t, a.Database(t, Tables())())
		second := revision(t, a.Database(t, Tables())())
		if second.Incarnation <= first.Incarnation {
			t.Errorf("incarnations %d and %d, want the later one to be higher", first.Incarnation, second.Incarnation)
		}
	})

	t.Run("concurrent commits to several projections make a revision each", func(t *testing.T) {
		t.Parallel()
		const commits = 25
		b := setup(t, a)
		var (
			writers sync.WaitGroup
			mu      sync.Mutex
			made    = make(map[readmodel.Revision]bool)
			highest readmodel.Revision
		)
		for i, at := range b.at {
			store := b.store
			if i%2 == 1 {
				store = b.open()
			}
			writers.Go(func() {
				for range commits {
					advance := readmodel.Advance{Checkpoint: at, To: at.Position + 1}
					got, err := store.Commit(t.Context(), b.lease, []readmodel.Advance{advance}, newRows())
					if err != nil {
						t.Errorf("Commit: %v", err)
						return
					}
					at.Position++
					mu.Lock()
					if made[got] {
						t.Errorf("two commits made revision %+v", got)
					}
					made[got] = true
					if got.Compare(highest) > 0 {
						highest = got
					}
					mu.Unlock()
				}
			})
		}
		writers.Wait()
		if got := revision(t, b.store); got != highest {
			t.Errorf("Revision = %+v, want the highest that was made, %+v", got, highest)
		}
	})

	t.Run("rows of one revision never change, and later reads have later revisions", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, counted(0))
		var (
			done    = make(chan struct{})
			readers sync.WaitGroup
			mu      sync.Mutex
			read    = make(map[readmodel.Revision]readmodel.CampaignRows)
		)
		for _, store := range []readmodel.Store{b.store, b.store, b.open()} {
			readers.Go(func() {
				var last readmodel.Revision
				for {
					rows, err := store.Campaign(t.Context(), "evt-1", readmodel.Everything())
					if err != nil {
						t.Errorf("Campaign: %v", err)
						return
					}
					if rows.Revision.Compare(last) < 0 {
						t.Errorf("revision %+v read after %+v", rows.Revision, last)
						return
					}
					last = rows.Revision
					mu.Lock()
					before, again := read[last]
					read[last] = rows
					mu.Unlock()
					if d := diff(before, rows); again && d != "" {
						t.Errorf("rows of revision %+v (-before +now):\n%s", last, d)
						return
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		made := map[readmodel.Revision]int64{b.revision: 0}
		for n := range int64(60) {
			b.commit(t, counted(n+1))
			made[b.revision] = n + 1
		}
		close(done)
		readers.Wait()
		for revision, rows := range read {
			if n, ok := made[revision]; !ok || rows.Campaign().Participants != n {
				t.Errorf("commit %d read at revision %+v; want commit %d, %t", rows.Campaign().Participants, revision, n, ok)
			}
		}
	})
}

func revision(t testing.TB, s readmodel.Store) readmodel.Revision {
	t.Helper()
	got, err := s.Revision(t.Context())
	if err != nil {
		t.Fatalf("Revision: %v", err)
	}
	return got
}
