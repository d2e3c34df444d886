package readmodeltest

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
)

// kept returns a snapshot of the campaign's rows for each of the tables.
func kept(c events.Campaign, at events.Position, recordedAt time.Time, overwritten int, rows *readmodel.Rows, tables ...*readmodel.Table) []readmodel.Snapshot {
	all := make([]readmodel.Snapshot, len(tables))
	for i, t := range tables {
		encoded, _ := readmodel.NewCodec(t).Append(nil, c, func(t *readmodel.Table) []any { return rows.In(t, c) })
		all[i] = readmodel.Snapshot{
			Projection: t.Name, Campaign: c, Position: at, RecordedAt: recordedAt, Overwritten: overwritten, Rows: string(encoded),
		}
	}
	return all
}

// keep returns rows that store a snapshot of each table.
func keep(c events.Campaign, at events.Position) *readmodel.Rows {
	rows := newRows()
	rows.Keep(kept(c, at, instant(noon), 0, fullRows(c), Tables()...)...)
	return rows
}

// wantEarlier fails the test unless that is what is found, of each projection.
func (b *testBundle) wantEarlier(t testing.TB, what string, c events.Campaign, asOf readmodel.Moment, want ...events.Position) {
	t.Helper()
	for _, s := range []readmodel.Store{b.store, b.open()} {
		found, err := s.Earlier(t.Context(), c, asOf)
		if err != nil {
			t.Fatalf("%s: Earlier: %v", what, err)
		}
		var at []events.Position
		for i := range found {
			if !slices.Contains(at, found[i].Position) {
				at = append(at, found[i].Position)
			}
		}
		if !slices.Equal(at, want) || len(want) > 0 && len(found) != len(Tables()) {
			t.Errorf("%s: snapshots of %d projections at %d, want %d", what, len(found), at, want)
		}
	}
}

func testEarlier(t *testing.T, a Adapter) {
	t.Run("the last snapshot before a moment is found, as it was kept", func(t *testing.T) {
		t.Parallel()
		earlierAtRandom(t, setup(t, a))
	})

	t.Run("snapshots go with the rows of their campaign", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		last := readmodel.Moment{Position: 100}
		b.commit(t, keep("evt-1", 5))
		b.commit(t, keep("evt-2", 7))
		b.wantEarlier(t, "kept", "evt-1", last, 5)

		op := b.ask(t, readmodel.Reset, "evt-1", names(b.at)...)
		if _, err := b.store.Replace(t.Context(), b.lease, op.ID, b.at, "evt-1", fullRows("evt-1")); err != nil {
			t.Fatalf("Replace: %v", err)
		}
		b.wantEarlier(t, "replaced", "evt-1", last)
		op = b.ask(t, readmodel.Reset, "evt-1", names(b.at)...)
		if _, err := b.store.Replace(t.Context(), b.lease, op.ID, b.at, "evt-1", keep("evt-1", 6)); err != nil {
			t.Fatalf("Replace: %v", err)
		}
		b.wantEarlier(t, "replaced by others", "evt-1", last, 6)

		cleared := newRows()
		cleared.Replace(map[events.Campaign]*readmodel.Rows{"evt-1": newRows()})
		b.commit(t, cleared)
		b.wantEarlier(t, "cleared", "evt-1", last)
		b.commit(t, keep("evt-1", 8))
		cleared.Keep(keep("evt-1", 9).Snapshots()...)
		b.commit(t, cleared)
		b.wantEarlier(t, "cleared and kept anew", "evt-1", last, 9)
		b.wantEarlier(t, "of another campaign", "evt-2", last, 7)
	})

	t.Run("snapshots go with their generation", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		last := readmodel.Moment{Position: 100}
		b.commit(t, keep("evt-1", 1))
		first := slices.Clone(b.at)
		second := keep("evt-1", 2)
		second.Keep(keep("evt-2", 2).Snapshots()...)
		built := b.build(t, 4, second)
		b.wantEarlier(t, "not served yet", "evt-1", last, 1)
		b.activate(t, built...)
		b.wantEarlier(t, "rebuilt", "evt-1", last, 2)
		b.activate(t, first...)
		b.wantEarlier(t, "rolled back", "evt-1", last, 1)

		b.activate(t, b.build(t, 5, keep("evt-1", 3))...)
		if err := b.store.Prune(t.Context(), b.lease, func() {}); err != nil {
			t.Fatalf("Prune: %v", err)
		}
		b.wantEarlier(t, "pruned", "evt-1", last, 3)
		if err := b.store.Texts(t.Context(), func(table, column, text string) error {
			if text == "evt-2" {
				t.Errorf("%s.%s of what was pruned is there", table, column)
			}
			return nil
		}); err != nil {
			t.Fatalf("Texts: %v", err)
		}
		again := b.build(t, 6, newRows()) // may have the number of what was pruned
		b.activate(t, again...)
		b.wantEarlier(t, "rebuilt without", "evt-1", last)

		b.commit(t, keep("evt-1", 7))
		b.wantEarlier(t, "committed", "evt-1", last, 7)
		if _, err := b.store.Abandon(t.Context(), b.lease, names(tables())); err != nil {
			t.Fatalf("Abandon: %v", err)
		}
		b.wantEarlier(t, "abandoned", "evt-1", last)
	})

	t.Run("a release that encodes rows otherwise reads none, and drops them as it opens", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		last := readmodel.Moment{Position: 100}
		b.commit(t, keep("evt-1", 5))
		all := Tables()
		changed := all[len(all)-1]
		changed.Columns = changed.Columns[:len(changed.Columns)-1]
		newer := b.open(all...)
		want := func(what string, s readmodel.Store, of readmodel.Store, at events.Position) {
			t.Helper()
			found, err := s.Earlier(t.Context(), "evt-1", last)
			if err != nil {
				t.Fatalf("%s: Earlier: %v", what, err)
			}
			for _, table := range Tables() {
				there := slices.ContainsFunc(found, func(k readmodel.Snapshot) bool { return k.Projection == table.Name && k.Position == at })
				if want := table.Name != changed.Name || s == of; there != want {
					t.Errorf("%s: a snapshot of %s at position %d is found: %v, want %v", what, table.Name, at, there, want)
				}
			}
		}
		want("dropped", b.store, nil, 5)
		want("opened", newer, nil, 5)
		for _, g := range b.list(t) {
			if !g.Kept {
				t.Errorf("generation %d of %s has not kept its snapshots", g.Generation, g.Projection)
			}
		}
		listed, err := newer.List(t.Context())
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		for _, g := range listed {
			if want := g.Projection != changed.Name; g.Kept != want {
				t.Errorf("to a release that encodes %s otherwise, %s has kept its snapshots: %v, want %v", changed.Name, g.Projection, g.Kept, want)
			}
		}
		b.commit(t, keep("evt-1", 6)) // the earlier release runs on
		want("kept by the earlier release", b.store, b.store, 6)
		want("of the earlier release", newer, b.store, 6)
		if err := newer.Texts(t.Context(), func(string, string, string) error { return nil }); err != nil {
			t.Errorf("Texts: %v", err)
		}
	})

	t.Run("what is fenced keeps none", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, keep("evt-1", 1))
		stale := b.lease
		stale.Epoch++
		begun := b.begin(t)
		if _, err := b.store.Commit(t.Context(), stale, b.advances(1), keep("evt-1", 2)); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Commit = %v, want ErrFenced", err)
		}
		op := b.ask(t, readmodel.Reset, "evt-1", names(b.at)...)
		if _, err := b.store.Replace(t.Context(), stale, op.ID, b.at, "evt-1", keep("evt-1", 3)); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Replace = %v, want ErrFenced", err)
		}
		if err := b.store.Fill(t.Context(), stale, through(4, begun), keep("evt-1", 4), func() {}); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Fill = %v, want ErrFenced", err)
		}
		b.wantEarlier(t, "afterwards", "evt-1", readmodel.Moment{Position: 100}, 1)
		b.activate(t, begun...)
		b.wantEarlier(t, "of the generation", "evt-1", readmodel.Moment{Position: 100})
	})

	t.Run("a snapshot without its checkpoint, or of another campaign, is an error", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		if _, err := b.store.Commit(t.Context(), b.lease, b.advances(1)[:1], keep("evt-1", 1)); err == nil || errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Commit = %v, want another error", err)
		}
		op := b.ask(t, readmodel.Reset, "evt-1", names(b.at)...)
		if _, err := b.store.Replace(t.Context(), b.lease, op.ID, b.at, "evt-1", keep("evt-2", 1)); err == nil || errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Replace = %v, want another error", err)
		}
	})

	t.Run("texts of snapshots are found", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := fullRows("evt-1")
		rows.Campaign("evt-1").Title = "before it had another title"
		now := fullRows("evt-1")
		now.Keep(kept("evt-1", 3, instant(noon), 0, rows, Tables()...)...)
		b.commit(t, now)
		found := make(map[string]int)
		if err := b.store.Texts(t.Context(), func(table, column, text string) error {
			found[table+"."+column+": "+text]++
			return nil
		}); err != nil {
			t.Fatalf("Texts: %v", err)
		}
		for _, text := range []string{"event_stats.title: before it had another title", "event_stats.title: 가을 경품 이벤트", "event_stats.campaign: evt-1"} {
			if found[text] != 1 {
				t.Errorf("%q is found %d times", text, found[text])
			}
		}
	})

	t.Run("all rows of a campaign are loaded, of the generations that are named", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		want := severalRows("evt-1")
		all := severalRows("evt-2")
		add(all, want)
		b.commit(t, all)
		b.build(t, 4, fullRows("evt-1"))
		got, err := b.store.LoadCampaign(t.Context(), b.at, "evt-1")
		if err != nil {
			t.Fatalf("LoadCampaign: %v", err)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("LoadCampaign (-want +got):\n%s", d)
		}
		got, err = b.store.LoadCampaign(t.Context(), b.at[1:2], "evt-1")
		if err != nil || len(got.Tables()) != 1 || got.Tables()[0].Name != b.at[1].Projection {
			t.Errorf("LoadCampaign of one = %v, %v", got.Tables(), err)
		}
	})
}

// earlierAtRandom keeps random snapshots and asks for random moments, each in another process, and
// compares the answers with a list.
func earlierAtRandom(t *testing.T, b *testBundle) {
	t.Helper()
	campaigns := []events.Campaign{"evt-1", "evt-10", "이벤트"}
	of := make(map[events.Campaign]map[string][]readmodel.Snapshot) // ascending
	for _, c := range campaigns {
		of[c] = make(map[string][]readmodel.Snapshot)
	}
	at, recordedAt := events.Position(1), instant(noon)
	rapid.Check(t, func(rt *rapid.T) {
		rows := drawRows(rt)
		for range rapid.IntRange(0, 3).Draw(rt, "snapshots") {
			c := rapid.SampledFrom(campaigns).Draw(rt, "campaign")
			some := rapid.SliceOfNDistinct(rapid.SampledFrom(Tables()), 1, len(Tables()), rapid.ID).Draw(rt, "tables")
			overwritten := rapid.IntRange(readmodel.AsBefore, 2).Draw(rt, "overwritten")
			for _, k := range kept(c, at, recordedAt, overwritten, rows, some...) {
				rows.Keep(k)
				list := of[c][k.Projection]
				if k.Overwritten == readmodel.AsBefore {
					if k.Overwritten = 0; len(list) > 0 {
						k.Overwritten = list[len(list)-1].Overwritten
					}
				}
				if len(list) > 0 {
					list[len(list)-1].Next = k.Position
				}
				of[c][k.Projection] = append(list, k)
			}
			at += events.Position(rapid.IntRange(1, 5).Draw(rt, "apart"))
			recordedAt = recordedAt.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "later")) * time.Microsecond)
		}
		b.commit(t, rows)
		for range 3 {
			c := rapid.SampledFrom(campaigns).Draw(rt, "of")
			asOf := readmodel.Moment{Position: events.Position(rapid.Int64Range(1, int64(at)+3).Draw(rt, "as of"))}
			if rapid.Bool().Draw(rt, "by time") {
				asOf = readmodel.Moment{At: instant(noon).Add(time.Duration(rapid.Int64Range(-1, int64(recordedAt.Sub(instant(noon))/time.Microsecond)+1).Draw(rt, "at")) * time.Microsecond)}
			}
			var want []readmodel.Snapshot
			for i, table := range Tables() {
				for _, k := range slices.Backward(of[c][table.Name]) {
					if asOf.Position > 0 && k.Position <= asOf.Position || asOf.Position == 0 && !k.RecordedAt.After(asOf.At) {
						k.Of = b.at[i]
						want = append(want, k)
						break
					}
				}
			}
			slices.SortFunc(want, func(a, b readmodel.Snapshot) int { return cmp.Compare(a.Projection, b.Projection) })
			got, err := b.store.Earlier(t.Context(), c, asOf)
			if d := diff(want, got); err != nil || d != "" && len(want)+len(got) > 0 {
				rt.Fatalf("%s as of %+v: %v (-want +got):\n%s", c, asOf, err, d)
			}
		}
	})
	again := b.open()
	for _, c := range campaigns {
		here, err := b.store.Earlier(t.Context(), c, readmodel.Moment{Position: at})
		if err != nil {
			t.Fatal(err)
		}
		there, err := again.Earlier(t.Context(), c, readmodel.Moment{Position: at})
		if d := diff(here, there); err != nil || d != "" || len(here) == 0 {
			t.Errorf("%s in another process: %v (-here +there):\n%s", c, err, d)
		}
	}
}
