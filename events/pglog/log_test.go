package pglog_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	goose "github.com/pressly/goose/v3/lock"

	"jangbu/events"
	"jangbu/events/eventstest"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
)

func TestLog(t *testing.T) {
	t.Parallel()
	empty := template(t, func(url string) string { return url }, pglog.Options{})
	eventstest.TestLog(t, eventstest.Adapter{
		New: func(t testing.TB) eventstest.Store {
			url := services.Database(t, empty)
			return eventstest.Store{
				Open: func(t testing.TB) events.Log { return open(t, url) },
				OpenLogging: func(t testing.TB, logger *slog.Logger) events.Log {
					return openWith(t, url, pglog.Options{Logger: logger})
				},
				Exec: func(ctx context.Context, statements ...string) error { return exec(ctx, url, statements) },
			}
		},
		LiftAccount: `ALTER TABLE log_head DROP CONSTRAINT log_head_account`,
		HourAhead:   `UPDATE log_head SET recorded_at = recorded_at + interval '1 hour'`,
		WeekBack: []string{
			`UPDATE events SET recorded_at = recorded_at - interval '7 days'`,
			`UPDATE log_head SET recorded_at = recorded_at - interval '7 days'`,
		},
	})
}

// template has empty logs copied, which are made through an address that lead returns.
func template(t *testing.T, lead func(string) string, opts pglog.Options) (option string) {
	t.Helper()
	return services.Template(t, func(url string) {
		log, err := pglog.Open(t.Context(), lead(url), opts)
		if err != nil {
			t.Fatal(err)
		}
		log.Close()
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	eventstest.TestKeys(t, func(t testing.TB) func(testing.TB) events.Keys {
		url := services.Database(t)
		return func(t testing.TB) events.Keys {
			keys, err := pglog.OpenKeys(t.Context(), url, pglog.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(keys.Close)
			return keys
		}
	})
}

func TestOpenByManyAtOnce(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	const processes = 4
	failed := make([]error, processes)
	var all sync.WaitGroup
	for i := range processes {
		all.Go(func() {
			log, err := pglog.Open(t.Context(), url, pglog.Options{})
			if err != nil {
				failed[i] = err
				return
			}
			defer log.Close()
			_, failed[i] = log.Totals(t.Context())
		})
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Error(err)
	}
}

// TestOpenWaitsForMigrations opens a log while another process migrates, for as long as it
// takes, and says so once.
func TestOpenWaitsForMigrations(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	migrating, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const lock = `SELECT pg_advisory_xact_lock($1)`
	if _, err := migrating.Exec(t.Context(), lock, goose.DefaultLockID); err != nil {
		t.Fatal(err)
	}
	lines := make(lineWriter, 100)
	opened := make(chan error, 1)
	go func() {
		log, err := pglog.Open(t.Context(), url, pglog.Options{Logger: slog.New(slog.NewTextHandler(lines, nil))})
		if err == nil {
			log.Close()
		}
		opened <- err
	}()
	select {
	case line := <-lines:
		if !strings.Contains(line, "waiting for another process, which migrates") {
			t.Errorf("said %q, want that it waits", line)
		}
	case err := <-opened:
		t.Fatalf("Open did not wait: %v", err)
	}
	// It tries twice in vain before it may go on.
	awaitTries(t, url, 2)
	if err := migrating.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("Open: %v", err)
	}
	close(lines)
	for line := range lines {
		if !strings.Contains(line, "migration applied") {
			t.Errorf("said %q", line)
		}
	}
}

// lineWriter receives the lines of a log.
type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

// awaitTries waits until the lock of the migrations was asked for so many times more.
func awaitTries(t *testing.T, url string, want int) {
	t.Helper()
	const asked = `
SELECT coalesce(max(xact_start), max(state_change))::text
FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'jangbu'`
	conn := connect(t, url)
	last, tries := "", -1
	for deadline := time.Now().Add(patience); tries < want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no process asked for the lock again")
		}
		var now *string
		if err := conn.QueryRow(t.Context(), asked).Scan(&now); err != nil {
			t.Fatal(err)
		}
		if now != nil && *now != last {
			last, tries = *now, tries+1
		}
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"not a URL": "postgres://%zz",
		"no server": "postgres://127.0.0.1:1/none?connect_timeout=5",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := pglog.Open(t.Context(), url, pglog.Options{}); err == nil {
				t.Error("Open succeeded")
			}
		})
	}
}

func TestOpenRefusesTheSchemaOfANewerProgram(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	for schema, open := range map[string]func() error{
		"jangbu_log": func() error {
			log, err := pglog.Open(t.Context(), url, pglog.Options{})
			if err == nil {
				log.Close()
			}
			return err
		},
		"jangbu_keys": func() error {
			keys, err := pglog.OpenKeys(t.Context(), url, pglog.Options{})
			if err == nil {
				keys.Close()
			}
			return err
		},
	} {
		if err := open(); err != nil {
			t.Fatal(err)
		}
		if err := exec(t.Context(), url, []string{`INSERT INTO ` + schema + `.goose_db_version (version_id, is_applied) VALUES (1000, true)`}); err != nil {
			t.Fatal(err)
		}
		if err := open(); err == nil || !strings.Contains(err.Error(), schema+": it is of version 1000 and this program knows none above ") {
			t.Errorf("opening %s: %v, want an error that names both versions", schema, err)
		}
	}
}

func TestEveryColumnIsDescribed(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	open(t, url)
	keys, err := pglog.OpenKeys(t.Context(), url, pglog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	rows, err := connect(t, url).Query(t.Context(), `
SELECT c.oid::regclass || coalesce('.' || a.attname, '')
FROM pg_class AS c
LEFT JOIN LATERAL (
    SELECT 0 AS attnum, NULL AS attname
    UNION ALL
    SELECT attnum, attname FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND c.relname <> 'goose_db_version'
) AS a ON true
WHERE c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text IN ('jangbu_log', 'jangbu_keys')
    AND col_description(c.oid, a.attnum) IS NULL AND (a.attnum > 0 OR obj_description(c.oid, 'pg_class') IS NULL)`)
	if err != nil {
		t.Fatal(err)
	}
	silent, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range silent {
		t.Errorf("%s has no comment", name)
	}
}

func open(t testing.TB, url string) *pglog.Log {
	t.Helper()
	return openWith(t, url, pglog.Options{})
}

func openWith(t testing.TB, url string, opts pglog.Options) *pglog.Log {
	t.Helper()
	log, err := pglog.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	return log
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func exec(ctx context.Context, url string, statements []string) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, s := range append([]string{`SET search_path = jangbu_log`}, statements...) {
		if _, err := conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
