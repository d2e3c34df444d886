package replay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

// TestSnapshotsOfARunAreReplays: each snapshot that a run gives to Keep or leaves with its rows is
// what a replay of the campaign through its event gives, whatever was withdrawn or erased before
// and after it.
func TestSnapshotsOfARunAreReplays(t *testing.T) {
	t.Parallel()
	given, left := 0, 0
	for seed := range uint64(8) {
		log := openLog(t)
		random := rand.New(rand.NewPCG(seed, 18))
		head := withdrawAndErase(t, log, random, 80)
		same := func(what string, all []readmodel.Snapshot) {
			for _, k := range all {
				if err := isReplay(t.Context(), log, k); err != nil {
					t.Fatalf("seed %d, %s, of %d: %v", seed, what, head, err)
				}
			}
		}
		every := events.Position(1 + random.IntN(4))
		got, err := replay.Run(t.Context(), replay.Config{
			Log: log, Projections: projections.All(), Snapshots: replay.NewSnapshots(projections.All(), every),
			Keep: func(_ context.Context, some []readmodel.Snapshot) error {
				given += len(some)
				same("given to Keep", some)
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		left += len(got.Rows.Snapshots())
		same("left with the rows", got.Rows.Snapshots())
	}
	if given == 0 || left == 0 {
		t.Errorf("%d snapshots were given to Keep and %d left with the rows", given, left)
	}
}

// withdrawAndErase makes random registrations of four campaigns, of which the events of two are
// withdrawn and those of two erased, and returns the log's head.
func withdrawAndErase(t *testing.T, log events.Log, random *rand.Rand, n int) events.Position {
	t.Helper()
	s := newStream(log)
	of := make([][]events.Position, 4)
	for range n {
		i := random.IntN(len(of))
		c := events.Campaign(fmt.Sprint("evt-", i))
		step := random.IntN(6)
		if step > 0 || len(of[i]) == 0 {
			s.add(t, time.Minute, registered(c, int(s.head)))
			of[i] = append(of[i], s.head)
			continue
		}
		some := []events.Position{of[i][random.IntN(len(of[i]))]}
		if i < 2 {
			s.add(t, time.Minute, &events.EventsWithdrawn{Campaign: c, Positions: some, Who: "me", Why: "wrong"})
			of[i] = append(of[i], s.head)
			continue
		}
		if _, err := log.Erasures().Erase(t.Context(), events.Erasure{Campaign: c, Positions: some, Who: "me", Why: "asked"}); err != nil {
			t.Fatal(err)
		}
	}
	return s.head
}

// isReplay compares a snapshot with a replay of its campaign through its event.
func isReplay(ctx context.Context, log events.Log, k readmodel.Snapshot) error {
	ps := projections.All()
	p := ps[slices.IndexFunc(ps, func(p projections.Projection) bool { return p.Name() == k.Projection })]
	want, err := replay.Run(ctx, replay.Config{Log: log, Projections: []projections.Projection{p}, Campaign: k.Campaign, Through: k.Position})
	if err != nil {
		return err
	}
	_, got, err := readmodel.NewCodec(p.Table).Decode(k.Rows)
	if err != nil {
		return err
	}
	if diff := cmp.Diff(want.Rows.Of(k.Campaign).Tables, got.Tables); diff != "" {
		return fmt.Errorf("%s of %s at position %d (-replay +snapshot):\n%s", k.Projection, k.Campaign, k.Position, diff)
	}
	return nil
}
