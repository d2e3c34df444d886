//go:build unix

package sqlitelog_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"jangbu/events"
)

// formerLayout is the table of events with the index of all identities that the log had before it
// was kept in segments.
const formerLayout = `
CREATE TABLE former (
    position    INTEGER NOT NULL PRIMARY KEY,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    type        INTEGER NOT NULL,
    id          BLOB NOT NULL,
    digest      BLOB NOT NULL,
    campaign    TEXT NOT NULL,
    payload     TEXT NOT NULL,
    form        INTEGER NOT NULL,
    UNIQUE (campaign, id)
) STRICT`

// BenchmarkToALongLog appends as many million events as JANGBU_TEST_MILLIONS says, in the batches of
// group commit under load, and by turns inserts the rows of each batch into the former layout, each by a
// prepared statement. It prints for each million both rates and what the process spent on an event,
// which for the log is flat. Without the variable it is a short trial.
func BenchmarkToALongLog(b *testing.B) {
	turns, batches := 3, 10
	if millions, err := strconv.Atoi(os.Getenv("JANGBU_TEST_MILLIONS")); err == nil {
		turns, batches = millions, 200
	}
	for range b.N {
		if b.N > 1 {
			b.Fatal("a log has one beginning: -benchtime 1x")
		}
		log, insert := open(b, filepath.Join(b.TempDir(), "log.db")), formerly(b)
		for turn := range turns {
			var appended, inserted turnCost
			for i := turn * batches; i < (turn+1)*batches; i++ {
				batch := batchOf(i)
				appended.measure(b, func() { mustAppend(b, log, batch) })
				rows := formerRows(batch, i*batchSize+1)
				inserted.measure(b, func() { insert(rows) })
			}
			b.Logf("%8d events: appended %s; bare insert into one index %s", (turn+1)*batches*batchSize, appended, inserted)
			if turn == 0 || turn == turns-1 {
				b.ReportMetric(appended.micros(appended.processor), fmt.Sprintf("µs/event-%d", turn+1))
			}
		}
	}
}

// formerly returns what inserts rows into the former layout, in a transaction.
func formerly(b *testing.B) func(rows [][]any) {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "former.db")+
		"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_pragma=cache_size(-65536)&_pragma=secure_delete(ON)&_pragma=wal_autocheckpoint(16384)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(b.Context(), formerLayout); err != nil {
		b.Fatal(err)
	}
	insert, err := db.PrepareContext(b.Context(), `INSERT INTO former VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = insert.Close() })
	return func(rows [][]any) {
		b.Helper()
		ctx := context.WithoutCancel(b.Context())
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			b.Fatal(err)
		}
		each := tx.StmtContext(ctx, insert) //nolint:sqlclosecheck // closed with the transaction
		for _, row := range rows {
			if _, err := each.ExecContext(ctx, row...); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

func formerRows(batch []events.Draft, first int) [][]any {
	rows := make([][]any, len(batch))
	for i := range batch {
		d := &batch[i]
		rows[i] = []any{
			int64(first + i), d.OccurredAt.UnixMicro(), d.OccurredAt.UnixMicro(), int64(d.Event.Type()), d.ID[:], d.Digest[:],
			string(d.Event.Subject()), string(events.AppendStored(nil, d.Event)), int64(events.CurrentForm),
		}
	}
	return rows
}

// turnCost is what the batches of a turn took.
type turnCost struct {
	batches         int
	wall, processor time.Duration
}

func (c *turnCost) measure(b *testing.B, do func()) {
	b.Helper()
	start, before := time.Now(), processorTime(b)
	do()
	c.wall, c.processor, c.batches = c.wall+time.Since(start), c.processor+processorTime(b)-before, c.batches+1
}

func (c *turnCost) micros(d time.Duration) float64 {
	return float64(d.Microseconds()) / float64(c.batches*batchSize)
}

func (c turnCost) String() string {
	return fmt.Sprintf("%7.0f/s, %5.2f µs of the processor an event", 1e6/c.micros(c.wall), c.micros(c.processor))
}

// processorTime returns what the process has spent.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
