package readmodeltest

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

func testDistributed(t *testing.T, a Adapter) {
	t.Run("a database without distributions has none", func(t *testing.T) {
		t.Parallel()
		sameDistributed(t, a.Database(t, Tables())(), newRows(), instant(noon)) // nothing registered

		b := setup(t, a)
		sameDistributed(t, b.store, newRows(), instant(noon))
		rows := newRows()
		rows.Campaign("evt-1").EndsAt = instant(noon)
		b.commit(t, rows)
		sameDistributed(t, b.store, rows, instant(noon))
	})

	t.Run("channels without a distribution are left out, whatever else is known of them", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := newRows()
		for _, c := range []events.Campaign{"evt-1", "evt-2"} {
			rows.Campaign(c)
			rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: "naver"}).DistributedAt = instant(noon)
			rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: "flyer"}).Participants = 7
			rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: "kakao"}).FetchedAt = instant(noon)
		}
		b.commit(t, rows)
		want := []readmodel.DistributedChannel{
			{ChannelStats: *rows.Channels()[readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"}]},
			{ChannelStats: *rows.Channels()[readmodel.ChannelKey{Campaign: "evt-2", Channel: "naver"}]},
		}
		if d := diff(want, distributed(t, b.store, instant(noon))); d != "" {
			t.Errorf("Distributed (-want +got):\n%s", d)
		}
	})

	t.Run("every column comes back, and unknown is not zero", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := fullRows("evt-1")
		blank := rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"})
		blank.DistributedAt = instant(noon)
		b.commit(t, rows)
		ends := instant(noon + 2)
		want := []readmodel.DistributedChannel{
			{ChannelStats: *rows.Channels()[readmodel.ChannelKey{Campaign: "evt-1", Channel: string(events.GenieTV)}], EndsAt: ends},
			{ChannelStats: *blank, EndsAt: ends},
		}
		if d := diff(want, distributed(t, b.store, instant(noon))); d != "" {
			t.Errorf("Distributed (-want +got):\n%s", d)
		}
	})

	t.Run("campaigns that ended before the time are left out", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := newRows()
		for c, ends := range map[events.Campaign]time.Time{
			"long ago": time.Date(1, 1, 1, 0, 0, 0, 1_000, time.UTC), "before": instant(noon - 1),
			"then": instant(noon), "after": instant(noon + 1), "not known": {},
		} {
			rows.Campaign(c).EndsAt = ends
			rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: "naver"}).DistributedAt = instant(noon)
		}
		rows.Channel(readmodel.ChannelKey{Campaign: "no row", Channel: "naver"}).DistributedAt = instant(noon)
		b.commit(t, rows)
		for endedBefore, want := range map[time.Time][]string{
			{}:                {"after", "before", "long ago", "no row", "not known", "then"},
			instant(noon - 1): {"after", "before", "no row", "not known", "then"},
			instant(noon):     {"after", "no row", "not known", "then"},
			instant(noon + 1): {"after", "no row", "not known"},
			instant(noon + 2): {"no row", "not known"},
			instant(2 * noon): {"no row", "not known"},
		} {
			got := []string{}
			for _, row := range distributed(t, b.store, endedBefore) {
				got = append(got, string(row.Campaign))
			}
			if d := diff(want, got); d != "" {
				t.Errorf("Distributed(%v) (-want +got):\n%s", endedBefore, d)
			}
			sameDistributed(t, b.store, rows, endedBefore)
		}
	})

	t.Run("without the projection of campaigns no end is known", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		at := register(t, store, tables()[1])
		rows := newRows()
		rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"}).DistributedAt = instant(noon)
		lease := acquire(t, store, leaseName, owner, longTTL)
		if _, err := store.Commit(t.Context(), lease, []readmodel.Advance{{Checkpoint: at[0], To: 1}}, rows); err != nil {
			t.Fatalf("Commit: %v", err)
		}
		sameDistributed(t, store, rows, instant(noon))
	})

	t.Run("channels are sorted by campaign and channel, by bytes", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := newRows()
		for i, text := range hostileTexts() {
			c := events.Campaign(text)
			if i%2 == 0 {
				rows.Campaign(c).EndsAt = instant(noon + int64(i))
			}
			for _, k := range []readmodel.ChannelKey{
				{Campaign: c, Channel: "naver"}, {Campaign: c, Channel: "Kakao"}, {Campaign: "evt-1", Channel: text},
			} {
				rows.Channel(k).DistributedAt = instant(noon + int64(i))
			}
		}
		b.commit(t, rows)
		sameDistributed(t, b.store, rows, instant(noon))
		sameDistributed(t, b.store, rows, instant(noon+20))
	})

	t.Run("a commit replaces distributions", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := fullRows("evt-1")
		b.commit(t, fullRows("evt-2"))
		row := rows.Channels()[readmodel.ChannelKey{Campaign: "evt-1", Channel: string(events.GenieTV)}]
		for _, at := range []time.Time{{}, instant(noon), instant(noon), instant(noon + 1), {}, instant(noon)} {
			row.DistributedAt = at
			row.Participants++
			b.commit(t, rows)
			all := fullRows("evt-2")
			*all.Campaign("evt-1"), *all.Channel(row.ChannelKey) = *rows.Campaign("evt-1"), *row
			sameDistributed(t, b.store, all, instant(noon))
		}
	})

	t.Run("rows of two commits are never mixed", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		// Every row, and the end of every campaign, has the number of its commit.
		numbered := func(n int64) *readmodel.Rows {
			rows := newRows()
			for i := range 20 {
				c := events.Campaign(fmt.Sprintf("evt-%d", i))
				rows.Campaign(c).EndsAt = instant(noon + n)
				row := rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: "naver"})
				row.DistributedAt, row.Participants = instant(noon), n
			}
			return rows
		}
		b.commit(t, numbered(0))
		var (
			done    = make(chan struct{})
			readers sync.WaitGroup
		)
		for _, store := range []readmodel.Store{b.store, b.open()} {
			readers.Go(func() {
				for {
					got, err := store.Distributed(t.Context(), instant(noon))
					if err != nil || len(got) != 20 {
						t.Errorf("Distributed = %d rows, %v; want 20", len(got), err)
						return
					}
					for _, row := range got {
						if n := got[0].Participants; row.Participants != n || !row.EndsAt.Equal(instant(noon+n)) {
							t.Errorf("%s is of another commit than %s: %+v, %+v", row.Campaign, got[0].Campaign, row, got[0])
							return
						}
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		for n := range int64(60) {
			b.commit(t, numbered(n+1))
		}
		close(done)
		readers.Wait()
	})
}

func distributed(t testing.TB, s readmodel.Store, endedBefore time.Time) []readmodel.DistributedChannel {
	t.Helper()
	got, err := s.Distributed(t.Context(), endedBefore)
	if err != nil {
		t.Fatalf("Distributed(%v): %v", endedBefore, err)
	}
	return got
}

// sameDistributed compares what is read with the same rows in memory.
func sameDistributed(t testing.TB, s readmodel.Store, rows *readmodel.Rows, endedBefore time.Time) {
	t.Helper()
	var want []readmodel.DistributedChannel
	for _, row := range rows.Channels() {
		out := readmodel.DistributedChannel{ChannelStats: *row}
		if event := rows.Campaigns()[row.Campaign]; event != nil {
			out.EndsAt = event.EndsAt
		}
		if !row.DistributedAt.IsZero() && (out.EndsAt.IsZero() || !out.EndsAt.Before(endedBefore)) {
			want = append(want, out)
		}
	}
	slices.SortFunc(want, func(a, b readmodel.DistributedChannel) int {
		return cmp.Or(cmp.Compare(a.Campaign, b.Campaign), cmp.Compare(a.Channel, b.Channel))
	})
	got := distributed(t, s, endedBefore)
	if len(want) == 0 && len(got) == 0 {
		return
	}
	if d := diff(want, got); d != "" {
		t.Errorf("Distributed(%v) (-want +got):\n%s", endedBefore, d)
	}
}
