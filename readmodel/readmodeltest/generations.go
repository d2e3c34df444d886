package readmodeltest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

func testGenerations(t *testing.T, a Adapter) {
	t.Run("new generations begin at position 0, have the next number, and are listed", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		b.begin(t, readmodel.Checkpoint{Projection: readmodel.CampaignStatsTable().Name, Version: version})
		got := b.begin(t,
			readmodel.Checkpoint{Projection: readmodel.CampaignStatsTable().Name, Version: 4, Generation: 77, Position: 99},
			readmodel.Checkpoint{Projection: readmodel.ChannelStatsTable().Name, Version: version})
		want := []readmodel.Checkpoint{
			{Projection: readmodel.CampaignStatsTable().Name, Version: 4, Generation: 3},
			{Projection: readmodel.ChannelStatsTable().Name, Version: version, Generation: 2},
		}
		if d := diff(want, got); d != "" {
			t.Errorf("Begin (-want +got):\n%s", d)
		}
		state := func(projection string, version int, g readmodel.Generation, position events.Position) readmodel.GenerationState {
			return readmodel.GenerationState{Checkpoint: readmodel.Checkpoint{
				Projection: projection, Version: version, Generation: g, Position: position,
			}, Active: g == 1, Kept: true}
		}
		listed := []readmodel.GenerationState{
			state(readmodel.ChannelStatsTable().Name, version, 1, 1), state(readmodel.ChannelStatsTable().Name, version, 2, 0),
			state(readmodel.CampaignStatsTable().Name, version, 1, 1), state(readmodel.CampaignStatsTable().Name, version, 2, 0), state(readmodel.CampaignStatsTable().Name, 4, 3, 0),
			state(ExtraTable().Name, version, 1, 1),
			state(readmodel.ParticipantProfileTable().Name, version, 1, 1), state(readmodel.ParticipationHourlyTable().Name, version, 1, 1),
		}
		for _, b.store = range []readmodel.Store{b.store, b.open()} {
			if d := diff(listed, b.list(t)); d != "" {
				t.Errorf("List (-want +got):\n%s", d)
			}
		}
	})

	t.Run("a projection that is not registered is an error that names it, and no generation begins", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		before := b.contents(t, newRows())
		_, err := b.store.Begin(t.Context(), b.lease, append(tables(), readmodel.Checkpoint{Projection: "없음", Version: version}))
		if err == nil || errors.Is(err, readmodel.ErrFenced) || !strings.Contains(err.Error(), "없음") {
			t.Errorf("Begin = %v, want an error that names 없음 and is not ErrFenced", err)
		}
		if d := diff(before, b.contents(t, newRows())); d != "" {
			t.Errorf("after it (-before +now):\n%s", d)
		}
	})

	t.Run("rows of a generation that is not active are stored and loaded, and no reader sees them", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		served, other := fullRows("evt-1"), fullRows("evt-2")
		b.commit(t, served)
		other.Campaign("evt-1").Shop = "store-2"
		for k := range fullRows("evt-1").Channels() {
			other.Channel(k).DistributedAt = instant(noon)
		}
		for _, rows := range []*readmodel.Rows{served, other} { // some are replaced
			begun := b.begin(t)
			for to := range events.Position(3) {
				made, err := b.store.Commit(t.Context(), b.lease, through(to+100, begun), rows)
				if err != nil || made != b.revision {
					t.Fatalf("Commit = %+v, %v; want the revision as it was, %+v", made, err, b.revision)
				}
				for i := range begun {
					begun[i].Position = to + 100
				}
				rows = other
			}
			if d := diff(other, b.loadOf(t, begun[0].Generation, other)); d != "" {
				t.Errorf("Load (-want +got):\n%s", d)
			}
			b.serves(t, served)
		}
		if got := revision(t, b.store); got != b.revision {
			t.Errorf("Revision = %+v, want it as it was, %+v", got, b.revision)
		}
		b.unchanged(t, served, served)
	})

	t.Run("a fill writes many rows and moves the checkpoints last, and a prune removes them", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		rows := manyRows()
		begun := b.begin(t)
		var (
			done    = make(chan struct{})
			watcher sync.WaitGroup
		)
		// The last row of the last table is written before a checkpoint moves.
		last := newRows()
		last.Profile("evt-99").Region.Add("힣", 0)
		second := b.open()
		watcher.Go(func() {
			for filled := false; !filled; {
				select {
				case <-done:
					filled = true // one more look
				default:
				}
				all, err := second.List(t.Context())
				stored, loadErr := second.Load(t.Context(), begun, keysOf(last))
				if err := errors.Join(err, loadErr); err != nil {
					t.Error(err)
					return
				}
				for _, g := range all {
					if g.Generation == 2 && g.Position > 0 && stored.Len() == 0 {
						t.Error("a checkpoint moved before all rows were there")
						return
					}
				}
			}
		})
		err := b.store.Fill(t.Context(), b.lease, through(7, begun), rows, func() {})
		close(done)
		watcher.Wait()
		if err != nil {
			t.Fatalf("Fill: %v", err)
		}
		// diff takes much longer than reflect.DeepEqual.
		if stored := b.loadOf(t, 2, rows); !reflect.DeepEqual(ByTable(rows), ByTable(stored)) {
			t.Errorf("Load (-want +got):\n%s", diff(rows, stored))
		}
		b.serves(t, fullRows("evt-1"))
		for i := range begun {
			begun[i].Position = 7
		}
		b.activate(t, begun...) // fails unless they are at position 7
		sameCampaign(t, b.store, rows, "evt-99")
		if got := distributed(t, b.store, instant(0)); len(got) != len(rows.Channels()) {
			t.Errorf("%d channels are served, want %d", len(got), len(rows.Channels()))
		}

		b.activate(t, b.build(t, 8, newRows())...)
		b.activate(t, b.build(t, 9, fullRows("evt-2"))...)
		if err := b.store.Prune(t.Context(), b.lease, func() {}); err != nil {
			t.Fatalf("Prune: %v", err)
		}
		if d := diff(newRows(), b.loadOf(t, 2, rows)); d != "" {
			t.Errorf("Load after Prune (-want +got):\n%s", d)
		}
		b.serves(t, fullRows("evt-2"))
	})

	t.Run("a fill continues from the checkpoint of the generation", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		filled := b.build(t, 7, fullRows("evt-1"))
		many := manyRows()
		for k, row := range fullRows("evt-1").Channels() {
			row.Participants += 5
			*many.Channel(k) = *row
		}
		advances := through(9, filled)
		if err := b.store.Fill(t.Context(), b.lease, advances, many, func() {}); err != nil {
			t.Fatalf("Fill: %v", err)
		}
		for i := range filled {
			filled[i].Position = 9
		}
		stored, err := b.store.Load(t.Context(), filled, keysOf(many))
		if err != nil {
			t.Fatalf("Load: %v", err)
		}
		if d := diff(many, stored); d != "" {
			t.Errorf("rows (-want +got):\n%s", d)
		}
		if err := b.store.Fill(t.Context(), b.lease, advances, many, func() {}); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Fill from where it stood before = %v, want ErrFenced", err)
		}
	})

	t.Run("a fill removes the rows of a campaign that is folded anew, of its generation alone", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		all, given, want := foldedAnew()
		b.commit(t, all)
		standby := b.build(t, 7, all)
		filled := b.build(t, 7, all)
		if err := b.store.Fill(t.Context(), b.lease, through(9, filled), given, func() {}); err != nil {
			t.Fatalf("Fill: %v", err)
		}
		if d := diff(want, b.loadOf(t, filled[0].Generation, all)); d != "" {
			t.Errorf("rows of the generation (-want +got):\n%s", d)
		}
		if d := diff(all, b.loadOf(t, standby[0].Generation, all)); d != "" {
			t.Errorf("rows of another that is not served (-want +got):\n%s", d)
		}
		b.unchanged(t, all, all)
	})

	t.Run("a fill that does not find its arguments is refused", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		all := fullRows("evt-1")
		filled := b.build(t, 7, fullRows("evt-2"))
		empty := b.begin(t)
		before := b.contents(t, all)
		for name, advances := range map[string][]readmodel.Advance{
			"rows of a table without its advance": through(9, empty[1:]),
		} {
			err := b.store.Fill(t.Context(), b.lease, advances, all, func() {})
			if err == nil || errors.Is(err, readmodel.ErrFenced) {
				t.Errorf("Fill of %s = %v, want an error that is not ErrFenced", name, err)
			}
		}
		for name, change := range map[string]func(*readmodel.Advance){
			"a generation that is served":      func(a *readmodel.Advance) { a.Checkpoint = b.at[3] },
			"a generation at another position": func(a *readmodel.Advance) { a.Generation = filled[3].Generation },
			"another version":                  func(a *readmodel.Advance) { a.Version++ },
			"a generation that never began":    func(a *readmodel.Advance) { a.Generation += 5 },
			"an unknown projection":            func(a *readmodel.Advance) { a.Projection += "?" },
		} {
			advances := through(9, empty)
			change(&advances[3])
			rows := fullRows("evt-1")
			if advances[3].Projection != empty[3].Projection {
				rows = lacking(rows, readmodel.ParticipantProfileTable().Name)
			}
			if err := b.store.Fill(t.Context(), b.lease, advances, rows, func() {}); !errors.Is(err, readmodel.ErrFenced) {
				t.Errorf("Fill of %s = %v, want ErrFenced", name, err)
			}
		}
		if d := diff(before, b.contents(t, all)); d != "" {
			t.Errorf("after them (-before +now):\n%s", d)
		}
	})
}

// manyRows returns more rows of one table than any store writes in one transaction, some of
// the other tables, and the last row of the last table, of campaign "evt-99".
func manyRows() *readmodel.Rows {
	rows := newRows()
	for i := range 50 {
		c := events.Campaign(fmt.Sprintf("evt-%d", i+50))
		event := rows.Campaign(c)
		event.Known, event.Shop, event.Participants = true, "store-1", int64(i)
		for j := range 220 {
			row := rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: fmt.Sprintf("채널-%d", j)})
			row.DistributedAt, row.Participants = instant(noon+int64(j)), int64(i*j)
		}
		for j := range 5 {
			rows.Hour(readmodel.HourKey{Campaign: c, Hour: instant(noon + int64(j)*3_600_000_000)}).Participants = int64(j)
		}
		rows.Profile(c).Region.Add("힣", int64(i))
	}
	return rows
}
