package readmodeltest

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

func testReplace(t *testing.T, a Adapter) {
	replace := func(t *testing.T, b *testBundle, at []readmodel.Checkpoint, c events.Campaign, rows *readmodel.Rows) {
		t.Helper()
		op := b.ask(t, readmodel.Reset, c, names(at)...)
		want := revision(t, b.store)
		got, err := b.store.Replace(t.Context(), b.lease, op.ID, at, c, rows)
		if err != nil {
			t.Fatalf("Replace: %v", err)
		}
		b.edited(t, op.ID, want, got)
	}

	t.Run("the given rows replace the campaign's rows, and all others stay", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		want, all := newRows(), newRows()
		for _, c := range []events.Campaign{"evt-1", "evt-10", "evt-", "EVT-1", "evt-1 ", "이벤트"} {
			add(want, severalRows(c))
		}
		add(all, want)
		b.commit(t, want)
		b.activate(t, b.build(t, 4, want)...) // the standbys have the same rows

		for _, c := range []events.Campaign{"evt-1", "이벤트"} {
			given := fullRows(c) // fewer
			given.Campaign(c).Participants = 77
			given.Profile(c).Customer.Add("new", 78)
			replace(t, b, b.at, c, given)
			for _, table := range Tables() {
				want = without(want, c, table.Name)
			}
			add(want, given)
			add(all, given)
			b.unchanged(t, want, all)
			b.serves(t, want)
		}
		standby := newRows()
		for _, c := range []events.Campaign{"evt-1", "evt-10", "evt-", "EVT-1", "evt-1 ", "이벤트"} {
			add(standby, severalRows(c))
		}
		if d := diff(standby, b.loadOf(t, 1, all)); d != "" {
			t.Errorf("rows of the standby (-want +got):\n%s", d)
		}
	})

	t.Run("tables that are not named stay, and a named table without rows becomes empty", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		want, all := severalRows("evt-1"), severalRows("evt-1")
		add(want, severalRows("evt-2"))
		add(all, severalRows("evt-2"))
		b.commit(t, want)
		for _, at := range b.at {
			replace(t, b, []readmodel.Checkpoint{at}, "evt-2", newRows())
			want = without(want, "evt-2", at.Projection)
			b.unchanged(t, want, all)
		}
		b.serves(t, severalRows("evt-1"))
		replace(t, b, b.at, "evt-2", severalRows("evt-2"))
		b.unchanged(t, all, all)
	})

	t.Run("rows of another campaign, or of a table that is not named, are refused", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		all := severalRows("evt-1")
		b.commit(t, all)
		op := b.ask(t, readmodel.Reset, "evt-1")
		before := b.contents(t, all)
		type given struct {
			at   []readmodel.Checkpoint
			rows *readmodel.Rows
		}
		foreign := fullRows("evt-1")
		foreign.Hour(readmodel.HourKey{Campaign: "evt-2", Hour: instant(noon)})
		cases := map[string]given{
			"one row of another campaign": {b.at, foreign},
			"a projection named twice":    {append(slices.Clone(b.at), b.at[0]), fullRows("evt-1")},
		}
		for i, at := range b.at {
			cases["rows without "+at.Projection] = given{append(b.at[:i:i], b.at[i+1:]...), fullRows("evt-1")}
		}
		for name, tc := range cases {
			_, err := b.store.Replace(t.Context(), b.lease, op.ID, tc.at, "evt-1", tc.rows)
			if err == nil || errors.Is(err, readmodel.ErrFenced) {
				t.Errorf("Replace, %s = %v, want an error that is not ErrFenced", name, err)
			}
		}
		if d := diff(before, b.contents(t, all)); d != "" {
			t.Errorf("after them (-before +now):\n%s", d)
		}
	})

	t.Run("a replacement that does not find its arguments is fenced and changes nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		all := severalRows("evt-1")
		b.commit(t, all)
		b.activate(t, b.build(t, 4, all)...)
		beside := b.build(t, 4, all)
		op := b.ask(t, readmodel.Reset, "evt-1").ID
		before := b.contents(t, all)
		fenced := func(name string, op int64, at []readmodel.Checkpoint) {
			t.Helper()
			got, err := b.store.Replace(t.Context(), b.lease, op, at, "evt-1", fullRows("evt-1"))
			if !errors.Is(err, readmodel.ErrFenced) || got != (readmodel.Revision{}) {
				t.Errorf("Replace, %s = %+v, %v; want ErrFenced", name, got, err)
			}
			if d := diff(before, b.contents(t, all)); d != "" {
				t.Fatalf("after Replace, %s (-before +now):\n%s", name, d)
			}
		}
		for name, change := range map[string]func(*readmodel.Checkpoint){
			"a checkpoint behind":           func(c *readmodel.Checkpoint) { c.Position-- },
			"a checkpoint ahead":            func(c *readmodel.Checkpoint) { c.Position++ },
			"another version":               func(c *readmodel.Checkpoint) { c.Version++ },
			"a generation that never began": func(c *readmodel.Checkpoint) { c.Generation += 7 },
			"one that is not served":        func(c *readmodel.Checkpoint) { *c = beside[0] },
			"the standby":                   func(c *readmodel.Checkpoint) { c.Generation, c.Position = 1, 1 },
		} {
			at := append([]readmodel.Checkpoint(nil), b.at...)
			change(&at[0])
			fenced(name, op, at)
		}
		fenced("an operation that is done", b.ops(t)[1].ID, b.at)
		fenced("an operation that there is not", op+1_000, b.at)
		if _, err := b.store.Replace(t.Context(), b.lease, op, b.at, "evt-1", fullRows("evt-1")); err != nil {
			t.Errorf("Replace as it should be: %v", err)
		}
		before = b.contents(t, all)
		fenced("what has been done", op, b.at)
	})

	t.Run("a reader never sees a campaign half replaced", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, counted(1))
		var (
			done   = make(chan struct{})
			looks  atomic.Int64
			reader sync.WaitGroup
		)
		reader.Go(func() {
			for {
				rows, err := b.store.Campaign(t.Context(), "evt-1", readmodel.Everything())
				if err == nil {
					err = oneCommit(rows)
				}
				if err != nil {
					t.Error(err)
					looks.Add(1_000)
					return
				}
				looks.Add(1)
				select {
				case <-done:
					return
				default:
				}
			}
		})
		defer reader.Wait()
		defer close(done)
		for n := int64(1); n <= 30 || looks.Load() < 30; n++ {
			replace(t, b, b.at, "evt-1", counted(n))
		}
	})
}

// severalRows returns one row of event_stats and several of each other table.
func severalRows(c events.Campaign) *readmodel.Rows {
	rows := fullRows(c)
	for i, text := range []string{"naver", "전단지", ""} {
		n := int64(i)
		rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: text}).DistributedAt = instant(noon + n)
		rows.Hour(readmodel.HourKey{Campaign: c, Hour: instant(noon + (n+1)*3_600_000_000)}).Participants = n
		rows.Profile(c).Gender.Add(text, n)
		readmodel.Row[Extra](rows, ExtraKey{Campaign: c, Number: n, Day: instant(noon), Name: text}).Count = n
	}
	return rows
}
