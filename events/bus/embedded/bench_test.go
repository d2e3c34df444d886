package embedded_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/events/bus/embedded"
)

// BenchmarkProduce shows what syncing costs: "one" waits for every record, in
// "bulk" the client batches.
func BenchmarkProduce(b *testing.B) {
	value := make([]byte, 250)
	for _, bench := range []struct {
		name    string
		dataDir bool
	}{{"synced", true}, {"memory", false}} {
		setup := func(b *testing.B) *kgo.Client {
			cfg := embedded.Config{Topics: []string{"topic"}}
			if bench.dataDir {
				cfg.DataDir = b.TempDir()
			}
			return newClient(b, start(b, cfg).Addr())
		}
		b.Run(bench.name+"/one", func(b *testing.B) {
			client := setup(b)
			for i := 0; b.Loop(); i++ {
				if err := client.ProduceSync(b.Context(), &kgo.Record{Topic: "topic", Key: fmt.Append(nil, i), Value: value}).FirstErr(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bench.name+"/bulk", func(b *testing.B) {
			client := setup(b)
			for i := range b.N {
				client.Produce(b.Context(), &kgo.Record{Topic: "topic", Key: fmt.Append(nil, i), Value: value}, nil)
			}
			if err := client.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
