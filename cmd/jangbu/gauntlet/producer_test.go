//go:build gauntlet && linux

package gauntlet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/events"
)

// producer sends the traffic and counts what the brokers have acknowledged.
type producer struct {
	traffic      *Traffic
	client       *kgo.Client
	acknowledged atomic.Int64
	aborted      atomic.Int64
}

func newProducer(t *testing.T, w *world, seed uint64, start time.Time) *producer {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.Addresses...), kgo.MaxBufferedRecords(20_000), kgo.ProducerLinger(0),
		kgo.ProduceRequestTimeout(3*time.Second), kgo.RequestTimeoutOverhead(2*time.Second)) // a frozen broker is given up soon
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &producer{traffic: NewTraffic(seed, 40, start), client: client}
}

// send sends records; they are retried until they are acknowledged.
func (p *producer) send(ctx context.Context, t *testing.T, records ...Record) {
	for _, r := range records {
		p.client.Produce(ctx, onTheWire(r), func(_ *kgo.Record, err error) {
			if err != nil && ctx.Err() == nil {
				t.Errorf("produce: %v", err)
			} else if err == nil {
				p.acknowledged.Add(1)
			}
		})
	}
}

func onTheWire(r Record) *kgo.Record {
	return &kgo.Record{Topic: r.Topic, Key: []byte(r.Key), Value: r.Value, Headers: []kgo.RecordHeader{{Key: ExpectHeader, Value: []byte(r.Expect)}}}
}

// run sends n records at a rate a second, up to twice as many while something is lacking, and
// flushes them.
func (p *producer) run(ctx context.Context, t *testing.T, n int, rate float64, lacks func() bool) {
	begun := time.Now()
	for sent := 0; (sent < n || sent < 2*n && lacks()) && ctx.Err() == nil && !t.Failed(); sent++ {
		if due := begun.Add(time.Duration(float64(sent) / rate * float64(time.Second))); time.Until(due) > 5*time.Millisecond {
			pass(ctx, time.Until(due))
		}
		p.send(ctx, t, p.traffic.Next())
	}
	if err := p.client.Flush(ctx); err != nil && ctx.Err() == nil {
		t.Errorf("flush: %v", err)
	}
}

// abort aborts transactions until ctx ends: what they hold is never to be seen.
func (p *producer) abort(ctx context.Context, w *world, every time.Duration) {
	aside := NewTraffic(uint64(time.Now().UnixNano()), 40, time.Now())
	for pass(ctx, every) {
		begun := time.Now()
		if err := abortOne(ctx, w, aside); err == nil {
			p.aborted.Add(10)
			w.recorder.Add(begun, Line{Kind: kindFault, Name: FaultAborted, Took: time.Since(begun).Seconds()})
		}
	}
}

// abortOne goes on where ctx ends: a transaction that is left open holds up its partitions for as long
// as its timeout.
func abortOne(ctx context.Context, w *world, aside *Traffic) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.Addresses...), kgo.TransactionalID("gauntlet"), kgo.TransactionTimeout(10*time.Second))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	for range 10 {
		client.Produce(ctx, onTheWire(aside.Aborted()), nil)
	}
	return errors.Join(client.Flush(ctx), client.EndTransaction(ctx, kgo.TryAbort))
}

// dump writes the topics' committed records.
func dump(ctx context.Context, t *testing.T, w *world, dir string) {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, topicsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.Addresses...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeTopics(Topics()...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	out := json.NewEncoder(file)
	for idle := 0; idle < 3; { // nothing is produced any more
		wait, cancel := context.WithTimeout(ctx, time.Second)
		fetches := client.PollFetches(wait)
		cancel()
		idle++
		fetches.EachRecord(func(r *kgo.Record) {
			idle = 0
			if r.Value == nil && slices.ContainsFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == events.CanaryHeader }) {
				return // a process measures with it how long a record takes
			}
			line := Produced{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Millis: r.Timestamp.UnixMilli(), Value: r.Value, Expect: expectEvent}
			for _, h := range r.Headers {
				if h.Key == ExpectHeader {
					line.Expect = string(h.Value)
				}
			}
			if err := out.Encode(line); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// pass waits, and reports whether ctx has not ended meanwhile.
func pass(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// until waits for a condition, which says what is not so yet.
func until(ctx context.Context, limit time.Duration, condition func() string) error {
	last := ""
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		if last = condition(); last == "" {
			return nil
		}
		if !pass(ctx, 100*time.Millisecond) {
			break
		}
	}
	return fmt.Errorf("after %v: %s", limit, last)
}
