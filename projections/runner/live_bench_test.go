package runner_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

const (
	registrationsPerSecond = 1_000
	readsPerSecond         = 200
	liveFor                = 6 * time.Second
	liveLog                = 200_000 // events before it begins
)

// BenchmarkLive appends 1,000 registrations and does 200 reads a second while all
// projections are rebuilt again and again, and once while they are not. Reported are,
// in milliseconds, how long after it was appended an event was committed to the rows,
// and how long a read took. A read that fails, or finds nothing, fails the benchmark.
func BenchmarkLive(b *testing.B) {
	for name, open := range map[string]func(*testing.B) (events.Log, readmodel.Store){"PostgreSQL": liveOnPostgres, "SQLite": func(b *testing.B) (events.Log, readmodel.Store) { return openLog(b), openRows(b) }} {
		for _, rebuilding := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/rebuilding=%v", name, rebuilding), func(b *testing.B) {
				log, rows := open(b)
				fill(b, log, liveLog)
				for b.Loop() {
					live(b, log, rows, rebuilding)
				}
			})
		}
	}
}

func liveOnPostgres(b *testing.B) (events.Log, readmodel.Store) {
	b.Helper()
	url := services.Database(b)
	log, err := pglog.Open(b.Context(), url, pglog.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(log.Close)
	return log, openPgRows(b, url)
}

// delays are how long something took, each time.
type delays struct {
	mu  sync.Mutex
	all []time.Duration
}

func (d *delays) add(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, took)
}

func (d *delays) report(b *testing.B, what string) {
	b.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.all) == 0 {
		b.Fatalf("%s: none", what)
	}
	slices.Sort(d.all)
	for unit, share := range map[string]float64{"p50": 0.5, "p99": 0.99, "max": 1} {
		b.ReportMetric(d.all[int(float64(len(d.all)-1)*share)].Seconds()*1000, what+"-"+unit+"-ms")
	}
}

func live(b *testing.B, log events.Log, rows readmodel.Store, rebuilding bool) {
	b.Helper()
	totals, err := log.Totals(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var (
		appended sync.Map // position → when
		head     atomic.Int64
		lags     delays
		reads    delays
		told     events.Position
	)
	r, err := runner.New(runner.Config{
		Log: log, Rows: rows, Projections: projections.All(), Owner: "live", Logger: slog.New(slog.DiscardHandler),
		Committed: func(c readmodel.Change) {
			now := time.Now()
			for ; told < c.To.Position/4; told++ { // all four stand at the same
				if at, ok := appended.LoadAndDelete(told + 1); ok {
					lags.add(now.Sub(at.(time.Time)))
				}
			}
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	for caughtUp := false; !caughtUp; time.Sleep(time.Millisecond) {
		at := r.Status().Checkpoints
		caughtUp = len(at) > 0 && at[0].Position == totals.Head
	}
	told = totals.Head
	head.Store(int64(totals.Head))

	var working sync.WaitGroup
	working.Go(func() { // 10 registrations each 10 ms
		every(ctx, 10*time.Millisecond, func(int) {
			some := registrations(b, int(head.Load()), registrationsPerSecond/100)
			if _, err := log.Append(ctx, some); err != nil {
				if ctx.Err() == nil {
					b.Errorf("append: %v", err)
				}
				return
			}
			now := time.Now()
			for range some {
				appended.Store(events.Position(head.Add(1)), now)
			}
		})
	})
	working.Go(func() {
		every(ctx, time.Second/readsPerSecond, func(n int) {
			start := time.Now()
			got, err := rows.Campaign(ctx, events.Campaign(fmt.Sprintf("evt-%d", n%1000)), readmodel.Everything())
			if ctx.Err() != nil {
				return
			}
			if err != nil || len(got.Hours()) == 0 || len(got.Channels()) == 0 || len(got.Profile().Gender) == 0 {
				b.Errorf("read: %v, %+v", err, got)
			}
			reads.add(time.Since(start))
		})
	})
	rebuilds := 0
	for start := time.Now(); time.Since(start) < liveFor; {
		if !rebuilding {
			time.Sleep(liveFor)
			break
		}
		a, err := rows.Ask(ctx, readmodel.Operation{Kind: readmodel.Rebuild, Projections: names(projections.All()), Who: "live"})
		if err != nil {
			b.Fatal(err)
		}
		for !a.Ended() {
			time.Sleep(10 * time.Millisecond)
			if a, err = rows.Operation(ctx, a.ID); err != nil {
				b.Fatal(err)
			}
		}
		if a.State != readmodel.Done {
			b.Fatalf("%+v", a)
		}
		rebuilds++
	}
	cancel()
	working.Wait()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(rebuilds), "rebuilds")
	lags.report(b, "lag")
	reads.report(b, "read")
}

// every calls do at each multiple of d until ctx ends; where it is late it makes up.
func every(ctx context.Context, d time.Duration, do func(n int)) {
	start := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		time.Sleep(time.Until(start.Add(time.Duration(n) * d)))
		do(n)
	}
}

// fill appends registrations to 1,000 campaigns.
func fill(b *testing.B, log events.Appender, total int) {
	b.Helper()
	const batch = 20_000
	for n := 0; n < total; n += batch {
		if _, err := log.Append(b.Context(), registrations(b, n, min(batch, total-n))); err != nil {
			b.Fatal(err)
		}
	}
}

// registrations are those from the nth on, one a second.
func registrations(b *testing.B, n, count int) []events.Draft {
	b.Helper()
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	some := make([]events.Draft, 0, count)
	for ; len(some) < count; n++ {
		campaign := fmt.Sprintf("evt-%d", n%1000)
		decoded, err := events.Decode(events.TypeParticipantRegistered, events.Record{
			Topic: "participant-registered", Key: []byte(campaign), Timestamp: at.Add(time.Duration(n) * time.Second),
			Value: fmt.Appendf(nil, `{"eventId":%q,"participantId":"p-%d","phoneNumber":"010-1234-5678","channel":"kakao","newCustomer":true,"gender":"female","ageGroup":"30s","region":"서울"}`, campaign, n),
		}, at.Add(time.Duration(n)*time.Second))
		if err != nil {
			b.Fatal(err)
		}
		some = append(some, decoded.Draft)
	}
	return some
}
