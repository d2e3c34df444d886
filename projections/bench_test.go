package projections_test

import (
	"fmt"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/projections"
)

// BenchmarkFold folds registrations of 1,000 campaigns in batches of 20,000, all
// projections, touching rows first as the runner does. One operation is one event.
func BenchmarkFold(b *testing.B) {
	const campaigns, size = 1_000, 20_000
	batch := make([]events.Recorded, size)
	newCustomer := true
	for i := range batch {
		batch[i] = events.Recorded{
			OccurredAt: time.Date(2026, 11, 23, 0, 0, i, 0, time.UTC),
			Event: &events.ParticipantRegistered{
				Campaign: events.Campaign(fmt.Sprintf("evt-%04d", i%campaigns)), Participant: fmt.Sprint("p-", i),
				Channel: "naver", NewCustomer: &newCustomer, Gender: "female", AgeGroup: "20s", Region: "서울",
			},
		}
	}
	rows, position, all := newRows(), events.Position(0), projections.All()
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += size {
		n := min(size, b.N-done)
		for i := range n {
			position++
			batch[i].Position = position
		}
		keys := newKeys()
		for _, p := range all {
			for i := range n {
				p.Touch(keys, &batch[i])
			}
		}
		projections.Fold(rows, all, batch[:n])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
