package sqlitelog_test

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"jangbu/events"
)

// batchSize is a typical batch of group commit for a busy topic.
const batchSize = 5000

// batchOf returns the i-th batch of registrations across 1,000 campaigns.
func batchOf(i int) []events.Draft {
	batch := make([]events.Draft, batchSize)
	for k := range batch {
		n := i*batchSize + k
		sum := sha256.Sum256(fmt.Appendf(nil, "draft %d", n))
		fresh, at := n%2 == 0, time.Date(2026, time.November, 23, 3, 0, 0, n%1_000_000*1000, time.UTC)
		batch[k] = events.Draft{
			ID: events.ID(sum[:16]), OccurredAt: at,
			Origin: events.Origin{Topic: "participant-registered", Partition: int32(k / 500), Offset: int64(n)},
			Event: &events.ParticipantRegistered{
				Campaign: events.Campaign(fmt.Sprintf("campaign-%d", n%1000)), Participant: fmt.Sprintf("participant-%08d", n),
				Pseudonym: events.Pseudonym(sum), RegisteredAt: at,
				Channel: "instagram", NewCustomer: &fresh, Gender: "female", AgeGroup: "20s", Region: "서울",
			},
		}
		batch[k].Digest = events.DigestOf(batch[k].Event)
	}
	return batch
}

func BenchmarkAppend(b *testing.B) {
	log := open(b, filepath.Join(b.TempDir(), "log.db"))
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		batch := batchOf(i)
		b.StartTimer()
		if _, err := log.Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*batchSize)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkRead(b *testing.B) {
	log := open(b, filepath.Join(b.TempDir(), "log.db"))
	const batches = 20
	for i := range batches {
		if _, err := log.Append(b.Context(), batchOf(i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		read, err := log.Read(b.Context(), events.Position(i%batches*batchSize), batchSize)
		if err != nil || len(read) != batchSize {
			b.Fatal(len(read), err)
		}
	}
	b.ReportMetric(float64(b.N*batchSize)/b.Elapsed().Seconds(), "events/s")
}
