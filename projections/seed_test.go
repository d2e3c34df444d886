package projections_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// TestSeedInAnyOrder writes the seed's log in many orders; the owner sees the
// same numbers.
func TestSeedInAnyOrder(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/seed.txtar")
	if err != nil {
		t.Fatal(err)
	}
	want := dashboard.Summary{
		TotalParticipants: 1, TotalExposure: new(int64(17_000)), ROIPercent: new(113.29), SalesGrowthPercent: new(12.5),
		CostPerParticipant: new(events.Won(1_430_000)), TotalCost: new(events.Won(1_430_000)), Missing: []dashboard.Input{dashboard.MissingDistributionCost},
	}
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		log := parseLog(t, string(archive.Files[0].Data))
		random.Shuffle(len(log), func(i, j int) { log[i].Event, log[j].Event = log[j].Event, log[i].Event })
		rows := fold(log).Of("evt-1")
		if diff := cmp.Diff(want, dashboard.New(rows, dashboard.View{Now: now}).Summary); diff != "" {
			t.Fatalf("summary (-want +got):\n%s", diff)
		}
	}
}

// TestCostBeyondWhatFitsStays distributes until the cost is one won more than
// fits, and once more (I11).
func TestCostBeyondWhatFitsStays(t *testing.T) {
	t.Parallel()
	most, rows := events.MaxWon, newRows()
	key := readmodel.ChannelKey{Campaign: "evt-1", Channel: string(events.Naver)}
	for p := events.Position(1); p <= 1025; p++ {
		projections.Fold(rows, projections.All(), []events.Recorded{{
			Position: p, OccurredAt: recordedAt(p), RecordedAt: recordedAt(p),
			Event: &events.DistributionCompleted{
				Campaign: "evt-1", CompletedAt: recordedAt(p),
				Channels: []events.Distribution{{Channel: events.Naver, Cost: &most}},
			},
		}})
		want := readmodel.WonOverflow
		if p < 1024 {
			want = most * events.Won(p)
		}
		if got := rows.Channels()[key].Cost; got == nil || *got != want {
			t.Fatalf("after %d distributions the cost is %d, want %d", p, got, want)
		}
	}
}
