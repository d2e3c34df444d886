package readmodeltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

// foldedAnew returns rows of three campaigns, rows among which two of these are folded anew,
// and what is left once both were written.
func foldedAnew() (all, given, want *readmodel.Rows) {
	all, given, want = newRows(), newRows(), newRows()
	for _, c := range []events.Campaign{"evt-1", "evt-10", "이벤트"} {
		add(all, severalRows(c))
	}
	anew := newRows()
	add(anew, fullRows("evt-1")) // fewer
	add(given, severalRows("evt-10"))
	add(want, given)
	add(want, anew)
	given.Replace(map[events.Campaign]*readmodel.Rows{"evt-1": anew, "이벤트": newRows()})
	return all, given, want
}

func testCommit(t *testing.T, a Adapter) {
	t.Run("it replaces rows by their absolute values and leaves others alone", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := fullRows("evt-1")
		b.commit(t, rows)
		b.commit(t, fullRows("evt-2"))

		blank := newRows()
		blank.Campaign("evt-1")
		for k := range rows.Channels() {
			blank.Channel(k)
		}
		for k := range rows.Hours() {
			blank.Hour(k)
		}
		for k := range rows.Profiles() {
			blank.Profile(k)
		}
		for k := range readmodel.RowsOf[Extra, ExtraKey](rows) {
			readmodel.Row[Extra](blank, k)
		}
		for _, replacement := range []*readmodel.Rows{blank, rows} {
			b.commit(t, replacement)
			b.unchanged(t, replacement, rows)
		}
		b.unchanged(t, fullRows("evt-2"), fullRows("evt-2"))
	})

	t.Run("it writes rows that are new to the loaded ones, few and many, beside these", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		fold := func(rows *readmodel.Rows, campaigns int) {
			for i := range campaigns {
				c := events.Campaign(fmt.Sprint("evt-", i))
				rows.Campaign(c).Participants++
				rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: "naver"}).Participants++
				rows.Hour(readmodel.HourKey{Campaign: c, Hour: instant(noon)}).Participants++
				rows.Profile(c).Gender.Add("female", 1)
			}
		}
		want := newRows()
		for _, campaigns := range []int{2, 1_000, 1_001} {
			named := newRows()
			fold(named, campaigns)
			rows := b.load(t, named)
			fold(rows, campaigns)
			fold(want, campaigns)
			b.commit(t, rows)
			b.unchanged(t, want, want)
		}
	})

	t.Run("it removes the rows of a campaign that is folded anew, in the generations that advance", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		all, given, want := foldedAnew()
		b.commit(t, all)
		b.commit(t, given)
		b.unchanged(t, want, all)
	})

	t.Run("it moves the named checkpoints and no others", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, newRows())
		rows := only(fullRows("evt-1"), readmodel.ParticipationHourlyTable().Name)
		advances := b.advances(41)[2:3]
		if _, err := b.store.Commit(t.Context(), b.lease, advances, rows); err != nil {
			t.Fatalf("Commit: %v", err)
		}
		b.at[2].Position = advances[0].To
		b.unchanged(t, rows, rows)
	})

	t.Run("it may leave the checkpoints where they are", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := fullRows("evt-1")
		if _, err := b.store.Commit(t.Context(), b.lease, b.advances(0), rows); err != nil {
			t.Fatalf("Commit: %v", err)
		}
		b.unchanged(t, rows, rows)
	})

	t.Run("a commit that contradicts itself is an error and writes nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, newRows())
		back := b.advances(1)
		back[3].To = back[3].Position - 1
		cases := map[string][]readmodel.Advance{
			"an advance that goes back": back,
			"a projection named twice":  append(b.advances(1), b.advances(1)[0]),
		}
		for i, at := range b.at {
			cases["rows without the advance of "+at.Projection] = append(b.advances(1)[:i:i], b.advances(1)[i+1:]...)
		}
		rows := fullRows("evt-1")
		for name, advances := range cases {
			_, err := b.store.Commit(t.Context(), b.lease, advances, rows)
			if err == nil || errors.Is(err, readmodel.ErrFenced) {
				t.Errorf("Commit of %s = %v, want an error that is not ErrFenced", name, err)
			}
		}
		b.unchanged(t, newRows(), rows)
	})

	t.Run("a cancelled commit writes nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		rows := fullRows("evt-1")
		if _, err := b.store.Commit(ctx, b.lease, b.advances(1), rows); !errors.Is(err, context.Canceled) {
			t.Errorf("Commit = %v, want context.Canceled", err)
		}
		b.unchanged(t, newRows(), rows)
	})

	t.Run("other processes see the commit", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := fullRows("evt-1")
		b.commit(t, rows)
		b.store = b.open()
		b.unchanged(t, rows, rows)
	})

	t.Run("of many commits from one checkpoint exactly one wins", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		const writers = 6
		var (
			all  sync.WaitGroup
			errs [writers]error
			from = b.advances(1)
		)
		written := func(writer int) *readmodel.Rows {
			rows := fullRows("evt-1")
			rows.Campaign("evt-1").Participants = int64(writer)
			return rows
		}
		other := b.open()
		for i := range writers {
			store := b.store
			if i%2 == 1 {
				store = other
			}
			all.Go(func() { _, errs[i] = store.Commit(t.Context(), b.lease, from, written(i)) })
		}
		all.Wait()

		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case err == nil:
				t.Errorf("writers %d and %d both won", winner, i)
			case !errors.Is(err, readmodel.ErrFenced):
				t.Errorf("writer %d: %v, want ErrFenced", i, err)
			}
		}
		if winner < 0 {
			t.Fatal("no commit won")
		}
		b.moved(from)
		b.unchanged(t, written(winner), written(winner))
	})
}
