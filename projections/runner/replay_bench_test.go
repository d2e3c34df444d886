package runner_test

import (
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/pglog"
	"jangbu/events/pglog/pgtest"
	"jangbu/events/sqlitelog"
	"jangbu/projections"
	"jangbu/projections/runner"
)

// BenchmarkReplay replays a whole log of JANGBU_TEST_BENCH_EVENTS events (200,000) of
// 1,000 campaigns, and in turn reads the same columns of it with nothing done to
// them: by COPY to nowhere, or by a bare scan. "ratio" is of the two rates.
func BenchmarkReplay(b *testing.B) {
	total := 200_000
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_BENCH_EVENTS")); err == nil {
		total = n
	}
	b.Run("PostgreSQL", func(b *testing.B) {
		url := pgtest.Database(b)
		log, err := pglog.Open(b.Context(), url, pglog.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(log.Close)
		conn, err := pgx.Connect(b.Context(), url)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close(b.Context()) })
		fill(b, log, total)
		benchmarkReplay(b, log, total, func() error {
			_, err := conn.PgConn().CopyTo(b.Context(), io.Discard,
				`COPY (SELECT position, occurred_at, recorded_at, type, id, digest, payload FROM jangbu_log.events ORDER BY position) TO STDOUT (FORMAT binary)`)
			return err
		})
	})
	b.Run("SQLite", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "log.db")
		log, err := sqlitelog.Open(b.Context(), path, sqlitelog.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = log.Close() })
		db, err := sql.Open("sqlite", path)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = db.Close() })
		fill(b, log, total)
		benchmarkReplay(b, log, total, func() error {
			rows, err := db.QueryContext(b.Context(), `SELECT position, occurred_at, recorded_at, type, id, digest, payload FROM events ORDER BY position`)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			var position, occurred, recorded, typ int64
			var id, digest, payload sql.RawBytes
			for rows.Next() {
				if err := rows.Scan(&position, &occurred, &recorded, &typ, &id, &digest, &payload); err != nil {
					return err
				}
			}
			return rows.Err()
		})
	})
}

func benchmarkReplay(b *testing.B, log events.Log, total int, bare func() error) {
	b.Helper()
	var replaying, reading time.Duration
	for b.Loop() {
		start := time.Now()
		got, err := runner.Replay{Log: log, Projections: projections.All()}.Run(b.Context())
		if err != nil || got.Events != int64(total) {
			b.Fatalf("%d events: %v", got.Events, err)
		}
		replaying += time.Since(start)
		start = time.Now()
		if err := bare(); err != nil {
			b.Fatal(err)
		}
		reading += time.Since(start)
	}
	b.ReportMetric(float64(b.N*total)/replaying.Seconds(), "events/s")
	b.ReportMetric(float64(b.N*total)/reading.Seconds(), "bare-events/s")
	b.ReportMetric(reading.Seconds()/replaying.Seconds(), "ratio")
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
		})
		if err != nil {
			b.Fatal(err)
		}
		some = append(some, decoded.Draft)
	}
	return some
}
