package readmodeltest

import (
	"fmt"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

func testLoad(t *testing.T, a Adapter) {
	t.Run("it returns the named rows that exist and no others", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		stored := fullRows("evt-1")
		b.commit(t, stored)
		b.commit(t, fullRows("evt-2"))
		named := fullRows("evt-1")
		for _, c := range []events.Campaign{"evt-1", "evt-3"} {
			named.Campaign(c)
			named.Channel(readmodel.ChannelKey{Campaign: c, Channel: "kakao"})
			named.Hour(readmodel.HourKey{Campaign: c, Hour: instant(noon + 1)})
			named.Profile(c).Region.Add("부산", 0)
			named.Profile(c).Gender.Add("서울", 0)
			readmodel.Row[Extra](named, ExtraKey{Campaign: c, Number: 30, Day: instant(noon + 31), Name: "다른"})
		}
		if d := diff(stored, b.load(t, named)); d != "" {
			t.Errorf("Load (-want +got):\n%s", d)
		}
	})

	t.Run("no keys return no rows", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		for _, at := range [][]readmodel.Checkpoint{b.at, nil} {
			rows, err := b.store.Load(t.Context(), at, readmodel.NewKeys(Tables()...))
			if err != nil {
				t.Fatalf("Load: %v", err)
			}
			if d := diff(newRows(), rows); d != "" {
				t.Errorf("Load (-want +got):\n%s", d)
			}
		}
	})

	t.Run("it returns rows of the given generations only", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		stored := fullRows("evt-1")
		b.commit(t, stored)
		for i := range b.at {
			b.at[i].Generation = 2
		}
		if d := diff(newRows(), b.load(t, stored)); d != "" {
			t.Errorf("Load of generation 2 (-want +got):\n%s", d)
		}
		b.at[0].Generation, b.at[2].Generation = 1, 1
		want := only(stored, readmodel.CampaignStatsTable().Name)
		add(want, only(stored, readmodel.ParticipationHourlyTable().Name))
		if d := diff(want, b.load(t, stored)); d != "" {
			t.Errorf("Load of generations 1 and 2 (-want +got):\n%s", d)
		}
	})

	t.Run("rows whose projection has no checkpoint are an error", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		for i, at := range b.at {
			others := append(b.at[:i:i], b.at[i+1:]...)
			if _, err := b.store.Load(t.Context(), others, keysOf(fullRows("evt-1"))); err == nil {
				t.Errorf("Load without the checkpoint of %s succeeded", at.Projection)
			}
		}
	})

	t.Run("one call takes twenty thousand keys", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		stored, named := newRows(), newRows()
		for i := range 5_000 {
			c := events.Campaign(fmt.Sprintf("evt-%d", i))
			rows := []*readmodel.Rows{named}
			if i%50 == 0 {
				rows = append(rows, stored)
			}
			for _, r := range rows {
				r.Campaign(c).Participants = int64(i)
				r.Channel(readmodel.ChannelKey{Campaign: c, Channel: "naver"}).Participants = int64(i)
				r.Hour(readmodel.HourKey{Campaign: c, Hour: instant(noon)}).Participants = int64(i)
				r.Profile(c).Gender.Add("female", int64(i))
			}
		}
		b.commit(t, stored)
		if d := diff(stored, b.load(t, named)); d != "" {
			t.Errorf("Load (-want +got):\n%s", d)
		}
	})
}
