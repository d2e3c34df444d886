package pglog_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/eventstest/services"
)

// batchSize is a typical batch of group commit for a busy topic.
const batchSize = 5000

// batchOf returns the i-th batch of registrations across 1,000 campaigns.
func batchOf(i int) []events.Draft {
	batch := make([]events.Draft, batchSize)
	for k := range batch {
		n := i*batchSize + k
		batch[k] = draft(events.Campaign(fmt.Sprintf("campaign-%d", n%1000)), n)
		batch[k].Origin = events.Origin{Topic: "participant-registered", Partition: int32(k / 500), Offset: int64(n)}
	}
	return batch
}

func BenchmarkAppend(b *testing.B) {
	log := open(b, services.Database(b))
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		batch := batchOf(i)
		b.StartTimer()
		mustAppend(b, log, batch)
	}
	reportRate(b, batchSize)
}

// BenchmarkAppendRedelivered appends batches half of which the log holds.
func BenchmarkAppendRedelivered(b *testing.B) {
	log := open(b, services.Database(b))
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		batch := batchOf(i)
		mustAppend(b, log, batch[:batchSize/2])
		b.StartTimer()
		mustAppend(b, log, batch)
	}
	reportRate(b, batchSize)
}

// BenchmarkBareCopy is the baseline of BenchmarkAppend: COPY alone of the same rows
// into a table with the same columns and indexes as a segment.
func BenchmarkBareCopy(b *testing.B) {
	url := services.Database(b)
	open(b, url)
	conn := connect(b, url)
	if _, err := conn.Exec(b.Context(), `CREATE TABLE bare (LIKE jangbu_log.events_1000000 INCLUDING ALL)`); err != nil {
		b.Fatal(err)
	}
	columns := []string{"position", "occurred_at", "recorded_at", "type", "id", "digest", "campaign", "payload", "form"}
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		rows := make([][]any, batchSize)
		for k, d := range batchOf(i) {
			rows[k] = []any{
				int64(i*batchSize + k), d.OccurredAt, d.OccurredAt, int16(d.Event.Type()), [16]byte(d.ID), d.Digest[:],
				string(d.Event.Subject()), events.AppendStored(nil, d.Event), int16(events.CurrentForm),
			}
		}
		b.StartTimer()
		if _, err := conn.CopyFrom(b.Context(), pgx.Identifier{"bare"}, columns, pgx.CopyFromRows(rows)); err != nil {
			b.Fatal(err)
		}
	}
	reportRate(b, batchSize)
}

func BenchmarkRead(b *testing.B) {
	log := open(b, services.Database(b))
	const batches = 20
	for i := range batches {
		mustAppend(b, log, batchOf(i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		read, err := log.Read(b.Context(), events.Position(i%batches*batchSize), batchSize)
		if err != nil || len(read) != batchSize {
			b.Fatal(len(read), err)
		}
	}
	reportRate(b, batchSize)
}

func reportRate(b *testing.B, batch int) {
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "events/s")
}
