package readmodeltest

import (
	"testing"

	"jangbu/readmodel"
)

func testPruning(t *testing.T, a Adapter) {
	t.Run("it leaves the active generations and the standbys, and removes all others", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := fullRows("evt-1")
		add(rows, only(fullRows("evt-2"), readmodel.CampaignStatsTable().Name))
		add(rows, only(fullRows("evt-2"), readmodel.ParticipantProfileTable().Name))
		b.commit(t, rows)
		b.activate(t, b.build(t, 2, rows)...)
		// The third generation of the channels is served, of the others it is not.
		b.activate(t, b.build(t, 3, rows)[1])
		b.begin(t)
		extra := readmodel.Checkpoint{Projection: "without a table", Version: version}
		b.at = append(b.at, register(t, b.store, extra)...)
		b.begin(t, extra)

		before := b.contents(t, rows)
		want := before
		want.Generations, want.Rows = nil, make(map[readmodel.Generation]map[string][]any)
		for g := range before.Rows {
			want.Rows[g] = make(map[string][]any)
		}
		for _, g := range before.Generations {
			if !g.Active && !g.Standby {
				continue
			}
			want.Generations = append(want.Generations, g)
			if rows := before.Rows[g.Generation][g.Projection]; rows != nil {
				want.Rows[g.Generation][g.Projection] = rows
			}
		}
		if len(want.Generations) != 11 || len(want.Rows[1]) == 0 || len(want.Rows[3]) == 0 {
			t.Fatalf("Prune should keep %+v", want.Generations)
		}
		delete(want.Rows, 5) // contents ends one beyond the highest generation, which is 3 then
		for range 2 {        // the second finds nothing
			if err := b.store.Prune(t.Context(), b.lease, func() {}); err != nil {
				t.Fatalf("Prune: %v", err)
			}
			if d := diff(want, b.contents(t, rows)); d != "" {
				t.Errorf("after Prune (-want +got):\n%s", d)
			}
		}
		b.serves(t, rows)

		begun := b.begin(t)
		for i, g := range []readmodel.Generation{3, 4, 3, 3, 3} {
			if begun[i].Generation != g || begun[i].Position != 0 {
				t.Errorf("Begin after Prune = %+v, want generation %d at position 0", begun[i], g)
			}
		}
		if got := b.loadOf(t, 3, rows); got.Len() > len(got.Channels()) {
			t.Errorf("the new generation has rows %+v", got)
		}
	})
}
