package runner_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"jangbu/events"
	"jangbu/events/tail"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// countingRows counts the rows that are loaded.
type countingRows struct {
	readmodel.Store
	loads, keys atomic.Int64
}

func (c *countingRows) Load(ctx context.Context, at []readmodel.Checkpoint, keys *readmodel.Keys) (*readmodel.Rows, error) {
	c.loads.Add(1)
	c.keys.Add(int64(keys.Len()))
	return c.Store.Load(ctx, at, keys)
}

// TestHotRowsAreNotLoaded: a leader does not load what it has just committed, whatever it keeps,
// and its rows are the fold.
func TestHotRowsAreNotLoaded(t *testing.T) {
	t.Parallel()
	all := drafts(t, 21, 600)
	loaded := make(map[int]int64)
	for _, most := range []int{0, 40_000, 1 << 30} {
		log, rows := openLog(t), &countingRows{Store: openRows(t)}
		r, err := runner.New(config(log, rows, "process-1", 50, projections.All()))
		if err != nil {
			t.Fatal(err)
		}
		r.KeepAtMost(most)
		stop := runs(t, r)
		var head events.Position
		for some := range slices.Chunk(all, 50) {
			head = appendAll(t, log, some, 50)
			waitFor(t, r, head)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		compare(t, "rows", inMemory(t, log, head), rows)
		loaded[most] = rows.keys.Load()
	}
	if loaded[40_000] >= loaded[0] || loaded[1<<30] >= loaded[40_000] {
		t.Errorf("keys loaded, by how many bytes are kept: %v", loaded)
	}
}

// TestOverwrittenEventsAreFoldedAsTheyAre: an event that was overwritten after it was appended,
// before or after it was folded, counts as it is, with the tail of the log and the leader's rows
// in memory.
func TestOverwrittenEventsAreFoldedAsTheyAre(t *testing.T) {
	t.Parallel()
	below, rows := openLog(t), openRows(t)
	log := tail.New(below, tail.DefaultBytes)
	cfg := config(log, rows, "process-1", 100, projections.All())
	cfg.Tail = log
	r, stop := run(t, cfg)
	all := drafts(t, 22, 200)
	head, next := events.Position(0), 0
	add := func(n int) (added []events.Recorded) {
		t.Helper()
		receipt, err := log.Append(t.Context(), all[next:next+n])
		if err != nil {
			t.Fatal(err)
		}
		added = receipt.Recorded(all[next : next+n])
		next, head = next+n, head+events.Position(len(added))
		return added
	}
	erase := func(added []events.Recorded) (of events.Campaign) {
		t.Helper()
		i := slices.IndexFunc(added, func(e events.Recorded) bool {
			p, ok := e.Event.(*events.ParticipantRegistered)
			return ok && p.Region+p.Gender != ""
		})
		if i < 0 {
			t.Fatal("there is no registration to erase")
		}
		of = added[i].Event.Subject()
		if _, err := below.Erasures().Erase(t.Context(), events.Erasure{Campaign: of, Positions: []events.Position{added[i].Position}, Who: "me", Why: "asked"}); err != nil {
			t.Fatal(err)
		}
		return of
	}
	same := func() {
		t.Helper()
		waitFor(t, r, head)
		compare(t, "rows", inMemory(t, below, head), rows)
	}

	first := add(100)
	same()
	of := erase(first) // after it was folded
	done(t, rows, readmodel.Reset, of, names(projections.All())...)
	same()
	add(20) // onto rows that the reset has written
	same()

	done(t, rows, readmodel.Pause, "", names(projections.All())...)
	of = erase(add(60)) // before it is folded
	done(t, rows, readmodel.Reset, of, names(projections.All())...)
	done(t, rows, readmodel.Resume, "", names(projections.All())...)
	same()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}
