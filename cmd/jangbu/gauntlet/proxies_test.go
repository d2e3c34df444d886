//go:build gauntlet && linux

package gauntlet

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestBrokersBehindProxies sends records to brokers, and reads them, by way of the proxies alone
// while each fault is on each of them: each fault is felt, and afterwards every record has come.
func TestBrokersBehindProxies(t *testing.T) {
	const brokers, partitions = 2, 4
	cluster, proxies := startBrokers(t, brokers)
	cluster.CreateTopic(t, "t", partitions, brokers, nil)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(addressesOf(proxies)...), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.ProduceRequestTimeout(time.Second), kgo.RequestTimeoutOverhead(time.Second), kgo.ProducerLinger(0), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(time.Second),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var sent, seen []string
	// send sends one record to each partition and returns how long that took.
	send := func(ctx context.Context) time.Duration {
		t.Helper()
		begun := time.Now()
		var records []*kgo.Record
		for p := range int32(partitions) {
			sent = append(sent, fmt.Sprint(len(sent)))
			records = append(records, &kgo.Record{Topic: "t", Partition: p, Value: []byte(sent[len(sent)-1])})
		}
		if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
			t.Errorf("produce: %v", err)
		}
		return time.Since(begun)
	}
	// read reads until each record that was sent has come.
	read := func() {
		t.Helper()
		for len(seen) < len(sent) && ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { seen = append(seen, string(r.Value)) })
		}
		if got := slices.Sorted(slices.Values(seen)); !slices.Equal(got, slices.Sorted(slices.Values(sent))) {
			t.Fatalf("of %d records %d were read: %v", len(sent), len(seen), got)
		}
	}
	send(ctx)
	read()
	for _, x := range toxics() {
		for i, proxy := range proxies {
			for _, stream := range []string{"upstream", "downstream"} {
				sending := make(chan time.Duration)
				x.suffer(ctx, t, proxy, stream, func() {
					go func() { sending <- send(ctx) }()
					pass(ctx, x.from+500*time.Millisecond)
				})
				took := <-sending
				read()
				t.Logf("%s, broker %d %s: %d records took %v", x.ofBroker, i, stream, partitions, took.Round(time.Millisecond))
				if took < 10*time.Millisecond { // the least of each
					t.Errorf("%s of broker %d %s was not felt: %v", x.ofBroker, i, stream, took)
				}
			}
		}
	}
}
