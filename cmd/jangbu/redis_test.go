package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/rediscache"
)

// redisServer is a Redis server in a process of its own.
type redisServer struct {
	cmd  *exec.Cmd
	addr string
}

// startRedis starts the program that JANGBU_TEST_REDIS_SERVER names, at an address
// or at a free one.
func startRedis(t testing.TB, addr string) *redisServer {
	t.Helper()
	program := os.Getenv("JANGBU_TEST_REDIS_SERVER")
	if program == "" {
		const missing = "NOT TESTED WITH REDIS: JANGBU_TEST_REDIS_SERVER is empty. " +
			"Run ./scripts/test, which finds or installs a Redis server for the tests."
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	if addr == "" {
		var lc net.ListenConfig
		l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr = l.Addr().String()
		_ = l.Close()
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &redisServer{addr: addr}
	s.cmd = exec.Command(program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--loglevel", "warning")
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	waitFor(t, 10*time.Second, func() string {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			return err.Error()
		}
		_ = conn.Close()
		return ""
	})
	return s
}

func (s *redisServer) signal(t testing.TB, signal os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Error(err)
	}
}

func (s *redisServer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// redisReader asks for dashboards again and again and judges every answer.
type redisReader struct {
	b         *bundle
	campaigns int
	want      func(campaign int) int64 // position that a dashboard must have reached a second ago

	mu    sync.Mutex
	took  []time.Duration
	wrong []string
}

// read asks until ctx ends.
func (r *redisReader) read(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		c := random.IntN(r.campaigns)
		want, start := r.want(c), time.Now()
		status, body, err := r.ask(ctx, fmt.Sprintf("/api/events/evt-%d/analytics", c))
		took := time.Since(start)
		if ctx.Err() != nil {
			return
		}
		var d dashboard
		problem := ""
		switch {
		case err != nil:
			problem = err.Error()
		case status != http.StatusOK:
			problem = fmt.Sprintf("status %d: %s", status, body)
		case json.Unmarshal(body, &d) != nil:
			problem = "no JSON: " + string(body)
		case d.EventID != fmt.Sprintf("evt-%d", c):
			problem = "it is the dashboard of " + d.EventID
		case d.Position < want:
			problem = fmt.Sprintf("it is of position %d, and was at %d a second ago", d.Position, want)
		}
		r.note(c, took, problem)
		time.Sleep(5 * time.Millisecond) // a reader looks at what it got
	}
}

// note takes down how long an answer took, and what was wrong with it, if anything.
func (r *redisReader) note(campaign int, took time.Duration, problem string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took = append(r.took, took)
	if problem != "" && len(r.wrong) < 10 {
		r.wrong = append(r.wrong, fmt.Sprintf("evt-%d: %s", campaign, problem))
	}
}

// come reads as processes do that have only just started, until ctx ends: nothing is
// kept in them, so that they ask Redis. It returns how many answers Redis gave.
func (r *redisReader) come(ctx context.Context, t testing.TB, url string) (fromRedis int64) {
	options, err := rediscache.Options(url)
	if err != nil {
		t.Error(err)
		return 0
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	for ctx.Err() == nil {
		cache, err := rediscache.Open(ctx, rediscache.Config{Inner: r.b.rows, Client: client, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Error(err)
			return fromRedis
		}
		_, _ = cache.Campaign(ctx, "nobody", readmodel.Everything())
		time.Sleep(20 * time.Millisecond) // by now it knows the store's revision
		for c := range r.campaigns {
			want, start := r.want(c), time.Now()
			rows, err := cache.Campaign(ctx, events.Campaign(fmt.Sprintf("evt-%d", c)), readmodel.Everything())
			took, problem := time.Since(start), ""
			switch {
			case ctx.Err() != nil:
			case err != nil:
				problem = err.Error()
			case rows.Event.Campaign != events.Campaign(fmt.Sprintf("evt-%d", c)):
				problem = "these are the rows of " + string(rows.Event.Campaign)
			case int64(rows.Event.Position) < want:
				problem = fmt.Sprintf("rows of position %d, there were some of %d a second ago", rows.Event.Position, want)
			}
			r.note(c, took, problem)
		}
		fromRedis += cache.Stats().RedisHits
		cache.Close()
	}
	return fromRedis
}

func (r *redisReader) ask(ctx context.Context, path string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.b.httpAddr+path, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// p99 returns the 99th percentile since the last call, and how many answers came.
func (r *redisReader) p99() (time.Duration, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	took := r.took
	r.took = nil
	slices.Sort(took)
	if len(took) == 0 {
		return 0, 0
	}
	return took[len(took)*99/100], len(took)
}

// TestRedisMisbehaves: whatever Redis does, every answer is right and of the last
// second, and Redis is used again when it is well (I9). What it costs in time is
// measured by [BenchmarkRedisMisbehaves].
func TestRedisMisbehaves(t *testing.T) {
	t.Parallel()
	server := startRedis(t, "")
	cfg := testConfig(t.TempDir())
	cfg.RedisURL, cfg.LogLevel = "redis://"+server.addr, "warn"
	for _, p := range misbehave(t, setup(t, cfg), server, 1500*time.Millisecond) {
		t.Logf("%-24s p99 %6.1f ms of %d reads; of newcomers %6.1f ms of %d", p.name, milliseconds(p.p99), p.reads, milliseconds(p.newcomers), p.came)
		if p.reads == 0 || p.came == 0 {
			t.Errorf("%s: nobody was answered", p.name)
		}
	}
}

// BenchmarkRedisMisbehaves reports the 99th percentile of reads while all is well,
// and by how much it grows while Redis is frozen, wiped, killed and so on: of the
// API's readers, and of those of processes that have only just started.
func BenchmarkRedisMisbehaves(b *testing.B) {
	for b.Loop() {
		server := startRedis(b, "")
		cfg := testConfig(b.TempDir())
		cfg.RedisURL, cfg.LogLevel = "redis://"+server.addr, "warn"
		s := startBenchmarked(b, cfg)
		bundle := &bundle{service: s, producer: newProducer(b, s)}
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
		server.kill()
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
func misbehave(t testing.TB, b *bundle, server *redisServer, span time.Duration) []phase {
	client := redis.NewClient(&redis.Options{Addr: server.addr})
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
		if rows, err := b.rows.StoreCampaigns(t.Context(), "store-1", readmodel.Everything()); err != nil || len(rows) < campaigns {
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
	running.Go(func() { fromRedis = newcomers.come(ctx, t, "redis://"+server.addr) })
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

	server.signal(t, syscall.SIGSTOP)
	watch("frozen")
	server.signal(t, syscall.SIGCONT)
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

	server.kill()
	watch("killed")
	startRedis(t, server.addr)
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
		t.Error("Redis answered nobody")
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

// producerOf produces without a test: whatever fails then is seen by who waits for
// the records.
func (b *bundle) producerOf(ctx context.Context, records ...events.Record) {
	_ = b.producer.Produce(ctx, records)
}

// sampler notes the positions of campaigns' rows, so that it is known where they
// were for sure at some time.
type sampler struct {
	b         *bundle
	campaigns int

	mu      sync.Mutex
	samples []sample
}

type sample struct {
	done      time.Time // when the read had ended
	positions map[string]events.Position
}

func newSampler(b *bundle, campaigns int) *sampler { return &sampler{b: b, campaigns: campaigns} }

// run samples until ctx ends.
func (s *sampler) run(ctx context.Context, t testing.TB) {
	for ctx.Err() == nil {
		rows, err := s.b.rows.StoreCampaigns(ctx, "store-1", readmodel.Everything())
		if err != nil {
			if ctx.Err() == nil {
				t.Errorf("sample the rows: %v", err)
			}
			return
		}
		now := sample{time.Now(), make(map[string]events.Position, len(rows))}
		for _, row := range rows {
			now.positions[string(row.Event.Campaign)] = row.Event.Position
		}
		s.mu.Lock()
		s.samples = append(s.samples, now)
		if len(s.samples) > 400 {
			s.samples = slices.Delete(s.samples, 0, 200)
		}
		s.mu.Unlock()
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// secondAgo returns the position that a campaign's rows had reached a second ago.
func (s *sampler) secondAgo(campaign int) int64 {
	limit := time.Now().Add(-time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sample := range slices.Backward(s.samples) {
		if !sample.done.After(limit) {
			return int64(sample.positions[fmt.Sprintf("evt-%d", campaign)])
		}
	}
	return 0
}
