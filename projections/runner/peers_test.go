package runner_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/commit"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
	"jangbu/events/sqlitelog"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// These tests do to this program what lost events in others. cmd/jangbu/gauntlet/PEERS.md says
// what went wrong there.

// peerLog is a log that processes share.
type peerLog struct {
	open func(t *testing.T) events.Log // as another process does
	exec func(t *testing.T, statements ...string)
	// hold has the next append stop in the middle, or before where no two can be under way, until
	// release is called. held returns once it has.
	hold func(t *testing.T) (held, release func())
	// oneTime are statements that record the events to come at one time; fails has appends fail, and
	// works ends that.
	oneTime, fails, works string
}

// onEachLog runs the test on a log of SQLite and on one of PostgreSQL.
func onEachLog(t *testing.T, test func(t *testing.T, b *peerLog)) {
	t.Parallel()
	for name, create := range map[string]func(*testing.T) *peerLog{"sqlite": peerOnSQLite, "postgres": peerOnPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, create(t))
		})
	}
}

func peerOnSQLite(t *testing.T) *peerLog {
	path := filepath.Join(t.TempDir(), "log.db")
	b := &peerLog{
		oneTime: `UPDATE log_head SET recorded_at = recorded_at + 3600000000`,
		fails:   `CREATE TRIGGER fails BEFORE INSERT ON links BEGIN SELECT RAISE(ABORT, 'no append'); END`,
		works:   `DROP TRIGGER fails`,
	}
	b.open = func(t *testing.T) events.Log {
		log, err := sqlitelog.Open(t.Context(), path, sqlitelog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = log.Close() })
		return log
	}
	b.open(t) // makes the tables
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b.exec = func(t *testing.T, statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := db.ExecContext(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
	b.hold = func(t *testing.T) (held, release func()) {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
			t.Fatal(err)
		}
		return func() {}, func() {
			if _, err := conn.ExecContext(t.Context(), `COMMIT`); err != nil {
				t.Error(err)
			}
			_ = conn.Close()
		}
	}
	return b
}

func peerOnPostgres(t *testing.T) *peerLog {
	url := services.Database(t)
	b := &peerLog{
		oneTime: `UPDATE log_head SET recorded_at = recorded_at + interval '1 hour'`,
		fails: `
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no append'; END $$;
CREATE TRIGGER fails BEFORE INSERT ON links FOR EACH ROW EXECUTE FUNCTION fails()`,
		works: `DROP TRIGGER fails ON links`,
	}
	b.open = func(t *testing.T) events.Log {
		log, err := pglog.Open(t.Context(), url, pglog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(log.Close)
		return log
	}
	b.open(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	b.exec = func(t *testing.T, statements ...string) {
		t.Helper()
		for _, s := range append([]string{`SET search_path = jangbu_log`}, statements...) {
			if _, err := conn.Exec(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
	b.hold = func(t *testing.T) (held, release func()) {
		b.exec(t, `
CREATE SEQUENCE once; -- only the first waits: what a transaction takes of a sequence, others cannot take
CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('jangbu_log.once') = 1 THEN PERFORM pg_advisory_xact_lock_shared(1); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER waits BEFORE INSERT ON links FOR EACH ROW EXECUTE FUNCTION waits()`,
			`SELECT pg_advisory_lock(1)`)
		held = func() {
			t.Helper()
			const waiting = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
			for deadline := time.Now().Add(30 * time.Second); ; {
				var n int
				if err := conn.QueryRow(t.Context(), waiting).Scan(&n); err != nil {
					t.Fatal(err)
				}
				if n > 0 {
					return
				}
				if time.Now().After(deadline) {
					t.Fatal("no append is held")
				}
			}
		}
		return held, func() { b.exec(t, `SELECT pg_advisory_unlock(1)`) }
	}
	return b
}

// distinct are the events of seeded traffic, each once.
func distinct(t *testing.T, n int) (all []events.Draft) {
	t.Helper()
	type identity struct {
		campaign events.Campaign
		id       events.ID
	}
	seen := make(map[identity]bool)
	for _, d := range drafts(t, 5, n) {
		if of := (identity{d.Event.Subject(), d.ID}); !seen[of] {
			seen[of] = true
			all = append(all, d)
		}
	}
	return all
}

func mustAppend(t *testing.T, log events.Appender, all ...events.Draft) {
	t.Helper()
	receipt, err := log.Append(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range receipt.Outcomes {
		if o != events.Appended {
			t.Fatalf("an event that is new is %v", o)
		}
	}
}

// appending appends the events on a goroutine of its own.
func appending(ctx context.Context, log events.Appender, all []events.Draft) chan error {
	failed := make(chan error, 1)
	go func() {
		_, err := log.Append(ctx, all)
		failed <- err
	}()
	return failed
}

// whole demands that the log has so many events, and that the rows are what they come to.
func whole(t *testing.T, r *runner.Runner, log events.Log, rows readmodel.Store, head int, ps []projections.Projection) {
	t.Helper()
	waitFor(t, r, events.Position(head))
	if totals, err := log.Totals(t.Context()); err != nil || int(totals.Head) != head {
		t.Fatalf("the log ends at %d, %v; %d events were appended", totals.Head, err, head)
	}
	if v := verify(t, replay.VerifyConfig{Log: log, Rows: rows, Projections: ps, Batch: 64}); v.First != nil {
		t.Errorf("%d of %d campaigns differ: %s", v.Diverging, v.Campaigns, v.First)
	}
}

// TestPeerZitadelLateCommit: of two appends the one that began first commits last, while a runner
// follows. What commits first must not have the runner pass the other.
func TestPeerZitadelLateCommit(t *testing.T) {
	onEachLog(t, func(t *testing.T, b *peerLog) {
		all, log, rows := distinct(t, 60), b.open(t), openRows(t)
		r, _ := start(t, log, rows, "process-1", 3, projections.All())
		mustAppend(t, log, all[:5]...)
		waitFor(t, r, 5)

		held, release := b.hold(t)
		first := appending(t.Context(), b.open(t), all[5:15])
		held()
		second := appending(t.Context(), b.open(t), all[15:20])
		soon, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer stop()
		if head, err := log.Wait(soon, 5); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the log ends at %d, %v, while the first append is under way", head, err)
		}
		select {
		case err := <-second:
			t.Errorf("the second append has overtaken the first: %v", err)
			second <- nil
		default:
		}
		release()
		if err := errors.Join(<-first, <-second); err != nil {
			t.Fatal(err)
		}
		whole(t, r, log, rows, 20, projections.All())
	})
}

// TestPeerZitadelFilteredResume: a projection that sees few of the events goes on, after each of
// many ends, behind the last event and not behind as many as it saw.
func TestPeerZitadelFilteredResume(t *testing.T) {
	onEachLog(t, func(t *testing.T, b *peerLog) {
		all, log, rows := distinct(t, 120), b.open(t), openRows(t)
		var hourly []projections.Projection
		for _, p := range projections.All() {
			if p.Name() == "participation_hourly" {
				hourly = append(hourly, p)
			}
		}
		for at := 0; at < len(all); {
			n := min(17, len(all)-at)
			mustAppend(t, log, all[at:at+n]...)
			at += n
			r, stop := start(t, log, rows, "process-1", 4, hourly)
			waitFor(t, r, events.Position(at))
			if at == len(all) {
				whole(t, r, log, rows, at, hourly)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestPeerZitadelSameInstant: all events are recorded at one instant, by two processes, and a runner
// follows in stretches that end among them.
func TestPeerZitadelSameInstant(t *testing.T) {
	onEachLog(t, func(t *testing.T, b *peerLog) {
		all, log, rows := distinct(t, 60), b.open(t), openRows(t)
		mustAppend(t, log, all[0])
		b.exec(t, b.oneTime)
		r, _ := start(t, log, rows, "process-1", 3, projections.All())
		logs := []events.Log{b.open(t), b.open(t)}
		for i := 1; i+2 <= 51; i += 2 {
			mustAppend(t, logs[i/2%2], all[i:i+2]...)
		}
		whole(t, r, log, rows, 51, projections.All())
		read, err := log.Read(t.Context(), 1, 100)
		if err != nil || len(read) != 50 {
			t.Fatalf("read %d events, %v", len(read), err)
		}
		for _, e := range read {
			if !e.RecordedAt.Equal(read[0].RecordedAt) {
				t.Fatalf("position %d was recorded at %v, others at %v", e.Position, e.RecordedAt, read[0].RecordedAt)
			}
		}
	})
}

// TestPeerMartenRolledBack: an append that is given up under way leaves no number that nothing
// has, so there is none to wait for or to skip.
func TestPeerMartenRolledBack(t *testing.T) {
	onEachLog(t, func(t *testing.T, b *peerLog) {
		all, log, rows := distinct(t, 60), b.open(t), openRows(t)
		r, _ := start(t, log, rows, "process-1", 3, projections.All())
		mustAppend(t, log, all[:5]...)
		held, release := b.hold(t)
		ctx, cancel := context.WithCancel(t.Context())
		given := appending(ctx, b.open(t), all[5:15])
		held()
		next := appending(t.Context(), b.open(t), all[15:20])
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Errorf("what was given up returns %v", err)
		}
		release()
		if err := <-next; err != nil {
			t.Fatal(err)
		}
		head := 10
		if totals, err := log.Totals(t.Context()); err != nil {
			t.Fatal(err)
		} else if totals.Head > 10 { // it was committed, and only its answer was given up
			head = 20
		}
		whole(t, r, log, rows, head, projections.All())
		if _, err := log.Append(t.Context(), all[5:15]); err != nil {
			t.Fatal(err)
		}
		whole(t, r, log, rows, 20, projections.All())
	})
}

// TestPeerMartenGap: a runner that finds an event missing ends there, and never takes the end of
// what it read for the end of what there is.
func TestPeerMartenGap(t *testing.T) {
	onEachLog(t, func(t *testing.T, b *peerLog) {
		all, log, rows := distinct(t, 60), b.open(t), openRows(t)
		mustAppend(t, log, all[:20]...)
		ends := func(log events.Log, batch int) {
			r, err := runner.New(config(log, rows, "process-1", batch, projections.All()))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			if err := r.Run(ctx); !errors.Is(err, events.ErrGap) {
				t.Fatalf("%T, in batches of %d: Run returns %v", log, batch, err)
			}
			for _, at := range r.Status().Checkpoints {
				if at.Position > 7 {
					t.Errorf("%T, in batches of %d: %s is at %d", log, batch, at.Projection, at.Position)
				}
			}
		}
		for _, batch := range []int{100, 7, 3} {
			ends(gapped{log}, batch)
		}
		b.exec(t, `DELETE FROM events WHERE position = 8`)
		for _, batch := range []int{100, 7, 3} {
			ends(log, batch)
		}
	})
}

// gapped is a log that does not find by itself that position 8 is missing.
type gapped struct{ events.Log }

func (g gapped) Read(ctx context.Context, after events.Position, limit int) ([]events.Recorded, error) {
	read, err := g.Log.Read(ctx, after, limit)
	return slices.DeleteFunc(read, func(e events.Recorded) bool { return e.Position == 8 }), err
}

// TestPeerMartenRebuildDuringAppend: rows are rebuilt while an append is under way, which has
// taken its positions. They have its events once it is written.
func TestPeerMartenRebuildDuringAppend(t *testing.T) {
	onEachLog(t, func(t *testing.T, b *peerLog) {
		all, log, rows := distinct(t, 60), b.open(t), openRows(t)
		r, _ := start(t, log, rows, "process-1", 3, projections.All())
		mustAppend(t, log, all[:10]...)
		waitFor(t, r, 10)
		held, release := b.hold(t)
		first := appending(t.Context(), b.open(t), all[10:20])
		held()
		op := ended(t, rows, ask(t, rows, readmodel.Rebuild, "", names(projections.All())...).ID)
		if op.State != readmodel.Done {
			t.Errorf("the rebuild is %+v", op)
		}
		release()
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		whole(t, r, log, rows, 20, projections.All())
	})
}

// TestPeerOpenMeterClaimBeforeWrite: an append that fails after its identities were compared
// claims none of them. Sent again, its events are new, and they count once.
func TestPeerOpenMeterClaimBeforeWrite(t *testing.T) {
	onEachLog(t, func(t *testing.T, b *peerLog) {
		all, log, rows := distinct(t, 60), b.open(t), openRows(t)
		appender := commit.New(log, commit.Options{})
		t.Cleanup(appender.Close)
		mustAppend(t, appender, all[:5]...)
		b.exec(t, b.fails)
		if _, err := appender.Append(t.Context(), all[3:15]); err == nil || !strings.Contains(err.Error(), "no append") {
			t.Fatalf("the append that fails returns %v", err)
		}
		b.exec(t, b.works)
		for _, from := range []events.Appender{appender, b.open(t)} { // the same process, and its successor
			some := all[5:10]
			if from != events.Appender(appender) {
				some = all[10:15]
			}
			mustAppend(t, from, some...)
			receipt, err := from.Append(t.Context(), some)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range receipt.Outcomes {
				if o != events.Duplicate {
					t.Errorf("sent once more, an event is %v", o)
				}
			}
		}
		r, _ := start(t, log, rows, "process-1", 3, projections.All())
		whole(t, r, log, rows, 15, projections.All())
	})
}
