package kafka_test

import (
	"fmt"
	"testing"
	"time"

	"jangbu/events"
)

// benchRecords returns n records of about 250 bytes for 1,000 campaigns.
func benchRecords(topic string, n int) []events.Record {
	records := make([]events.Record, n)
	for i := range records {
		records[i] = events.Record{Topic: topic, Key: fmt.Appendf(nil, "evt-%d", i%1000), Value: make([]byte, 240)}
	}
	return records
}

// BenchmarkFrames consumes through a Watermill subscriber, partitions
// concurrently, with a handler that answers at once and one that takes as long
// as a commit.
func BenchmarkFrames(b *testing.B) {
	for _, work := range []time.Duration{0, 10 * time.Millisecond} {
		b.Run(work.String(), func(b *testing.B) {
			bundle := setup(b, 12)
			if err := bundle.producer.Produce(b.Context(), benchRecords(bundle.topic, b.N)); err != nil {
				b.Fatal(err)
			}
			handled := make(chan int, 1000)
			b.ResetTimer()
			frames, _ := bundle.subscribe(b)
			count, records := 0, 0
			for records < b.N {
				select {
				case msg := <-frames:
					go func() {
						f, err := events.DecodeFrame(msg.Payload)
						if err != nil {
							b.Error(err)
						}
						time.Sleep(work)
						msg.Ack()
						handled <- len(f.Records)
					}()
				case n := <-handled:
					records += n
					count++
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(b.N)/float64(count), "records/frame")
		})
	}
}

func BenchmarkProducer(b *testing.B) {
	bundle := setup(b, 12)
	records := benchRecords(bundle.topic, b.N)
	b.ResetTimer()
	if err := bundle.producer.Produce(b.Context(), records); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
