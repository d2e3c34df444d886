package runner_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/synthetic"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// memoryLog is an empty log that is read as if it had events.
type memoryLog struct {
	events.Log
	all []events.Recorded
}

func (l *memoryLog) Read(_ context.Context, after events.Position, limit int) ([]events.Recorded, error) {
	return l.all[after:min(int(after)+limit, len(l.all))], nil
}

func (l *memoryLog) Wait(ctx context.Context, after events.Position) (events.Position, error) {
	if last := events.Position(len(l.all)); last > after {
		return last, nil
	}
	<-ctx.Done()
	return 0, ctx.Err()
}

// BenchmarkCatchUp folds a log that is in memory into PostgreSQL, all projections. One operation
// is one event. Reported is the time of processors, in microseconds an event, of this process
// and of the sessions of PostgreSQL where these run on this machine.
func BenchmarkCatchUp(b *testing.B) {
	for _, campaigns := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("%d_campaigns", campaigns), func(b *testing.B) {
			log := &memoryLog{openLog(b), recorded(b, campaigns, b.N)}
			url := services.Database(b)
			rows := openPgRows(b, url)
			reached := make(chan struct{})
			r, err := runner.New(runner.Config{
				Log: log, Rows: rows, Projections: projections.All(), Owner: "bench", Logger: slog.New(slog.DiscardHandler),
				Committed: func(c readmodel.Change) {
					if int(c.To.Position) == 4*b.N {
						close(reached)
					}
				},
			})
			if err != nil {
				b.Fatal(err)
			}
			sessions, own := sessionTime(b, url), processTime(b, "self")
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			b.ResetTimer()
			go func() { ended <- r.Run(ctx) }()
			<-reached
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64((processTime(b, "self")-own).Microseconds())/float64(b.N), "go-us/event")
			b.ReportMetric(float64((sessionTime(b, url)-sessions).Microseconds())/float64(b.N), "postgres-us/event")
			cancel()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// recorded are n registrations as a log has them, from the campaigns' creation on.
func recorded(b *testing.B, campaigns, n int) []events.Recorded {
	b.Helper()
	topics, types := make(map[events.Type]string), make(map[string]events.Type)
	for _, typ := range events.Types() {
		topics[typ], types[typ.String()] = typ.String(), typ
	}
	g, err := synthetic.New(synthetic.Config{Campaigns: campaigns, Seed: 1, Topics: topics, Start: time.Now().Add(-72 * time.Hour), Interval: 72 * time.Hour / time.Duration(n)})
	if err != nil {
		b.Fatal(err)
	}
	all := make([]events.Recorded, 0, n)
	created := g.Campaigns()
	for len(all) < n {
		record := g.Next()
		if i := len(all); i < len(created) && i < n/2 {
			record = created[i]
		}
		decoded, err := events.Decode(types[record.Topic], record, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		d, p := decoded.Draft, len(all)+1
		all = append(all, events.Recorded{
			Position: events.Position(p), ID: d.ID, Digest: d.Digest, OccurredAt: d.OccurredAt, Event: d.Event,
			RecordedAt: time.Unix(int64(p/5_000), 0).UTC(),
		})
	}
	return all
}

// processTime returns the time of processors that a process has taken.
func processTime(b *testing.B, process string) time.Duration {
	b.Helper()
	stat, err := os.ReadFile("/proc/" + process + "/stat")
	if err != nil {
		return 0 // the server is on another machine
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')'):])
	var ticks int64
	for _, field := range fields[12:14] { // of the user, and of the system
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// sessionTime returns that of the sessions on a database.
func sessionTime(b *testing.B, url string) (sum time.Duration) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(b.Context())) }()
	rows, _ := conn.Query(b.Context(), `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.Fatal(err)
	}
	for _, pid := range pids {
		sum += processTime(b, pid)
	}
	return sum
}
