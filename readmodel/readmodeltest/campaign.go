package readmodeltest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

func testCampaign(t *testing.T, a Adapter) {
	notFound := func(t *testing.T, s readmodel.Store, c events.Campaign) {
		t.Helper()
		if got, err := s.Campaign(t.Context(), c, readmodel.Everything()); !errors.Is(err, readmodel.ErrNotFound) {
			t.Errorf("Campaign(%q) = %v, %v; want ErrNotFound", c, got, err)
		}
	}

	t.Run("a campaign without event stats is not found", func(t *testing.T) {
		t.Parallel()
		open := a.Database(t, Tables())
		notFound(t, open(), "evt-1") // nothing registered

		b := setup(t, a)
		notFound(t, b.store, "evt-1")
		rows := lacking(fullRows("evt-1"), readmodel.CampaignStatsTable().Name)
		b.commit(t, rows)
		notFound(t, b.store, "evt-1")
	})

	t.Run("it returns every row of the campaign and none of another", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		all := newRows()
		campaigns := []events.Campaign{"evt-1", "evt-10", "EVT-1", "evt-1 ", "evt-", "이벤트", "'"}
		for _, c := range campaigns {
			rows := fullRows(c)
			b.commit(t, rows)
			add(all, rows)
		}
		for _, c := range campaigns {
			sameCampaign(t, b.store, all, c)
		}
	})

	t.Run("a campaign with event stats alone has no other rows", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := newRows()
		rows.Campaign("evt-1")
		b.commit(t, rows)
		sameCampaign(t, b.store, rows, "evt-1")
	})

	t.Run("rows are sorted by bytes and time", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := newRows()
		rows.Campaign("evt-1")
		for i, text := range hostileTexts() {
			rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: text})
			rows.Profile("evt-1").Region.Add(text, 0)
			rows.Profile("evt-1").Gender.Add(text, 0)
			hour := instant(noon + int64(i*7919%23-11)*3_600_000_000)
			rows.Hour(readmodel.HourKey{Campaign: "evt-1", Hour: hour})
		}
		b.commit(t, rows)
		sameCampaign(t, b.store, rows, "evt-1")
	})

	t.Run("rows of two commits are never mixed", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, counted(0))
		var (
			done    = make(chan struct{})
			readers sync.WaitGroup
		)
		for _, store := range []readmodel.Store{b.store, b.open()} {
			readers.Go(func() {
				last := int64(0)
				for {
					got, err := store.Campaign(t.Context(), "evt-1", readmodel.Everything())
					if err != nil {
						t.Errorf("Campaign: %v", err)
						return
					}
					if err := oneCommit(got); err != nil {
						t.Error(err)
						return
					}
					if got.Campaign().Participants < last {
						t.Errorf("commit %d read after %d", got.Campaign().Participants, last)
						return
					}
					last = got.Campaign().Participants
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		for n := range int64(60) {
			b.commit(t, counted(n+1))
		}
		close(done)
		readers.Wait()
	})
}

// sameCampaign compares what is read with the same rows in memory. No commit may run
// meanwhile.
func sameCampaign(t testing.TB, s readmodel.Store, rows *readmodel.Rows, c events.Campaign) {
	t.Helper()
	want := rows.Of(c)
	want.Revision = revision(t, s)
	got, err := s.Campaign(t.Context(), c, readmodel.Everything())
	if err != nil {
		t.Fatalf("Campaign(%q): %v", c, err)
	}
	if d := diff(want, got); d != "" {
		t.Errorf("Campaign(%q) (-want +got):\n%s", c, d)
	}
}

// counted returns rows that all have the number of their commit.
func counted(n int64) *readmodel.Rows {
	rows := fullRows("evt-1")
	rows.Campaign("evt-1").Participants = n
	for _, row := range rows.Channels() {
		row.Participants = n
	}
	for _, row := range rows.Hours() {
		row.Participants = n
	}
	for c := range rows.Profiles() {
		*rows.Profile(c) = readmodel.ParticipantProfile{Campaign: c, Region: readmodel.Counts{{Label: "서울", Participants: n}}}
	}
	for _, row := range readmodel.RowsOf[Extra, ExtraKey](rows) {
		row.Count = n
	}
	return rows
}

func oneCommit(rows readmodel.CampaignRows) error {
	extras := rows.Of(ExtraTable())
	if len(rows.Channels()) != 1 || len(rows.Hours()) != 1 || len(rows.Profile().Region) != 1 || len(extras) != 1 {
		return fmt.Errorf("read %v, want one row of each table", rows)
	}
	got := [5]int64{
		rows.Campaign().Participants, rows.Channels()[0].Participants, rows.Hours()[0].Participants,
		rows.Profile().Region[0].Participants, extras[0].(*Extra).Count,
	}
	if n := got[0]; got != [5]int64{n, n, n, n, n} {
		return fmt.Errorf("read rows of commits %v at once", got)
	}
	return nil
}
