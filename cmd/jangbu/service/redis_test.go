package service

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/readmodel"
)

// TestRedisMisbehaves holds that every response is right and at most a second old whatever
// Redis does, and that Redis is used again once it works (I9). [BenchmarkRedisMisbehaves]
// measures the time that this costs.
func TestRedisMisbehaves(t *testing.T) {
	t.Parallel()
	server := services.StartRedis(t)
	cfg := testConfig(t.TempDir())
	cfg.RedisURL, cfg.LogLevel = "redis://"+server.Addr, "warn"
	for _, p := range misbehave(t, setup(t, cfg), server, 1500*time.Millisecond) {
		t.Logf("%-24s p99 %6.1f ms of %d reads; of newcomers %6.1f ms of %d", p.name, milliseconds(p.p99), p.reads, milliseconds(p.newcomers), p.came)
		if p.reads == 0 || p.came == 0 {
			t.Errorf("%s: no read succeeded", p.name)
		}
	}
}

// BenchmarkRedisMisbehaves reports the 99th percentile of reads while all is well,
// and by how much it grows while Redis is frozen, wiped, killed and so on: of the
// API's readers, and of those of processes that have only just started.
func BenchmarkRedisMisbehaves(b *testing.B) {
	for b.Loop() {
		server := services.StartRedis(b)
		cfg := testConfig(b.TempDir())
		cfg.RedisURL, cfg.LogLevel = "redis://"+server.Addr, "warn"
		s := startBenchmarked(b, cfg)
		bundle := &bundle{Service: s, producer: newProducer(b, s)}
		phases := misbehave(b, bundle, server, 5*time.Second)
		b.ReportMetric(milliseconds(phases[0].p99), "p99-ms-normally")
		b.ReportMetric(milliseconds(phases[0].newcomers), "newcomers-p99-ms-normally")
		for _, p := range phases[1:] {
			name := strings.ReplaceAll(p.name, " ", "-")
			b.ReportMetric(milliseconds(p.p99-phases[0].p99), "added-ms-"+name)
			b.ReportMetric(milliseconds(p.newcomers-phases[0].newcomers), "newcomers-added-ms-"+name)
		}
		_ = bundle.producer.Close()
		end(b, s)
		server.Kill(b)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// phase is what readers saw while Redis was in some state.
type phase struct {
	name           string
	p99, newcomers time.Duration
	reads, came    int
}

// misbehave has dashboards read, into which registrations pour, while the Redis
// behind them is frozen, wiped, made to answer for other keys, killed and started
// again, each for some time.
func misbehave(t testing.TB, b *bundle, server *services.Server, span time.Duration) []phase {
	client := redis.NewClient(&redis.Options{Addr: server.Addr})
	t.Cleanup(func() { _ = client.Close() })

	const campaigns, readers = 20, 8
	committed := newSampler(b, campaigns)
	var records []events.Record
	for i := range campaigns {
		id := fmt.Sprintf("evt-%d", i)
		records = append(records, record("event-created", id, fmt.Sprintf(`{"eventId":%q,"storeId":"store-1","title":"t","objective":"o"}`, id)))
	}
	if err := b.producer.Produce(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	waitFor(t, 10*time.Second, func() string {
		if rows, err := b.rows.ShopCampaigns(t.Context(), "store-1", readmodel.Everything()); err != nil || len(rows) < campaigns {
			return fmt.Sprintf("%d campaigns: %v", len(rows), err)
		}
		return ""
	})

	ctx, stop := context.WithCancel(t.Context())
	r := &redisReader{b: b, campaigns: campaigns, want: committed.secondAgo}
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for i := range readers {
		running.Go(func() { r.read(ctx, rand.New(rand.NewPCG(1, uint64(i)))) })
	}
	running.Go(func() { committed.run(ctx, t) })
	running.Go(func() { // registrations
		for n := 0; ctx.Err() == nil; n++ {
			id := fmt.Sprintf("evt-%d", n%campaigns)
			b.producerOf(ctx, record("participant-registered", id, fmt.Sprintf(`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-%04d"}`, n, id, n%10000)))
		}
	})
	newcomers := &redisReader{b: b, campaigns: campaigns, want: committed.secondAgo}
	var fromRedis int64
	running.Go(func() { fromRedis = newcomers.come(ctx, t, "redis://"+server.Addr) })
	var phases []phase
	watch := func(name string) {
		r.p99()
		newcomers.p99()
		time.Sleep(span) // as long as it is measured
		p := phase{name: name}
		p.p99, p.reads = r.p99()
		p.newcomers, p.came = newcomers.p99()
		phases = append(phases, p)
	}
	watch("works")

	server.Freeze(t)
	watch("frozen")
	server.Thaw(t)
	watch("goes on")

	if err := client.FlushAll(ctx).Err(); err != nil {
		t.Error(err)
	}
	watch("wiped")

	mixing, enough := context.WithCancel(ctx)
	mixed := make(chan int, 1)
	go func() { mixed <- mixUp(mixing, client, campaigns) }()
	watch("answers for other keys")
	enough()
	if <-mixed == 0 {
		t.Error("nothing was in Redis")
	}

	server.Kill(t)
	watch("killed")
	server.Start(t)
	watch("started again")
	waitFor(t, 15*time.Second, func() string {
		if keys, err := client.Keys(ctx, "analytics:dashboard:*").Result(); err != nil || len(keys) == 0 {
			return fmt.Sprintf("Redis is not used again: %d keys, %v", len(keys), err)
		}
		return ""
	})
	stop()
	running.Wait()
	if wrong := slices.Concat(r.wrong, newcomers.wrong); len(wrong) > 0 {
		t.Errorf("wrong answers:\n%s", strings.Join(wrong, "\n"))
	}
	if fromRedis == 0 {
		t.Error("no read was served from Redis")
	}
	t.Logf("%d answers came from Redis", fromRedis)
	return phases
}

// mixUp puts another campaign's value at every key, again and again until ctx ends,
// and returns how often.
func mixUp(ctx context.Context, client *redis.Client, campaigns int) (mixed int) {
	for ctx.Err() == nil {
		for i := range campaigns {
			value, err := client.Get(ctx, fmt.Sprintf("analytics:dashboard:evt-%d", i)).Result()
			if err == nil && client.Set(ctx, fmt.Sprintf("analytics:dashboard:evt-%d", (i+7)%campaigns), value, time.Minute).Err() == nil {
				mixed++
			}
		}
	}
	return mixed
}

// producerOf produces and ignores errors: a reader that waits for the records fails.
func (b *bundle) producerOf(ctx context.Context, records ...events.Record) {
	_ = b.producer.Produce(ctx, records)
}
