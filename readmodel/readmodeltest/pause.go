package readmodeltest

import (
	"errors"
	"testing"

	"jangbu/readmodel"
)

func testPause(t *testing.T, a Adapter) {
	t.Run("a pause applies to the active generation, lasts, and is lifted", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		pause := func(paused bool, projections ...string) {
			t.Helper()
			kind := map[bool]readmodel.OperationKind{true: readmodel.Pause, false: readmodel.Resume}[paused]
			op := b.ask(t, kind, "", projections...)
			if err := b.store.Pause(t.Context(), b.lease, op.ID, projections, paused); err != nil {
				t.Fatalf("Pause: %v", err)
			}
			b.ended(t, op.ID)
		}
		shown := func(paused ...string) {
			t.Helper()
			for _, store := range []readmodel.Store{b.store, b.open()} {
				all, err := store.List(t.Context())
				if err != nil {
					t.Fatalf("List: %v", err)
				}
				got := []string{}
				for _, g := range all {
					if g.Paused && !g.Active {
						t.Errorf("%+v is paused and not active", g)
					}
					if g.Paused {
						got = append(got, g.Projection)
					}
				}
				if d := diff(append([]string{}, paused...), got); d != "" {
					t.Errorf("paused (-want +got):\n%s", d)
				}
			}
		}
		shown()
		pause(true, readmodel.ChannelStatsTable().Name, readmodel.CampaignStatsTable().Name)
		shown(readmodel.ChannelStatsTable().Name, readmodel.CampaignStatsTable().Name)
		pause(true, readmodel.CampaignStatsTable().Name, readmodel.ParticipantProfileTable().Name) // one of them again
		shown(readmodel.ChannelStatsTable().Name, readmodel.CampaignStatsTable().Name, readmodel.ParticipantProfileTable().Name)
		if got := revision(t, b.store); got != b.revision {
			t.Errorf("Revision = %+v, want it as it was, %+v", got, b.revision)
		}
		b.activate(t, b.build(t, 5, fullRows("evt-1"))...)
		shown(readmodel.ChannelStatsTable().Name, readmodel.CampaignStatsTable().Name, readmodel.ParticipantProfileTable().Name)
		pause(false, readmodel.CampaignStatsTable().Name, readmodel.ParticipationHourlyTable().Name) // one is not paused
		shown(readmodel.ChannelStatsTable().Name, readmodel.ParticipantProfileTable().Name)
		pause(false, names(tables())...)
		shown()

		op := b.ops(t)[0] // which has ended
		if err := b.store.Pause(t.Context(), b.lease, op.ID, op.Projections, true); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Pause by an operation that is done = %v, want ErrFenced", err)
		}
		if err := b.store.Pause(t.Context(), b.lease, op.ID+1_000, op.Projections, true); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Pause by an operation that there is not = %v, want ErrFenced", err)
		}
		shown()
	})
}
