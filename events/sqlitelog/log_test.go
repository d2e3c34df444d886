package sqlitelog_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"jangbu/events"
	"jangbu/events/eventstest"
	"jangbu/events/sqlitelog"
)

func TestLog(t *testing.T) {
	t.Parallel()
	eventstest.TestLog(t, adapter(sqlitelog.Options{}))
}

// TestLogInSegments is TestLog in segments so small that tests cross their borders.
func TestLogInSegments(t *testing.T) {
	t.Parallel()
	const segment = 200
	a := adapter(sqlitelog.Options{}.InSegments(segment))
	a.Segment = segment
	a.Settle = func(t testing.TB, log events.Log) { log.(*sqlitelog.Log).Settle(t) }
	eventstest.TestLog(t, a)
}

func adapter(opts sqlitelog.Options) eventstest.Adapter {
	return eventstest.Adapter{
		New: func(t testing.TB) eventstest.Store {
			path := filepath.Join(t.TempDir(), "log.db")
			return eventstest.Store{
				Open: func(t testing.TB) events.Log { return openWith(t, path, opts) },
				OpenLogging: func(t testing.TB, logger *slog.Logger) events.Log {
					logging := opts
					logging.Logger = logger
					return openWith(t, path, logging)
				},
				Exec: func(ctx context.Context, statements ...string) error { return exec(ctx, path, statements) },
			}
		},
		LiftAccount: `PRAGMA ignore_check_constraints = ON; DROP TRIGGER IF EXISTS log_head_linked`,
		HourAhead:   `UPDATE log_head SET recorded_at = recorded_at + 3600000000`,
		WeekBack: []string{
			`UPDATE events SET recorded_at = recorded_at - 604800000000`,
			`UPDATE log_head SET recorded_at = recorded_at - 604800000000`,
		},
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	eventstest.TestKeys(t, func(t testing.TB) func(testing.TB) events.Keys {
		path := filepath.Join(t.TempDir(), "keys.db")
		return func(t testing.TB) events.Keys { return openKeys(t, path) }
	})
}

func TestOpenByManyAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	const processes = 6
	failed := make([]error, processes)
	var all sync.WaitGroup
	for i := range processes {
		all.Go(func() {
			log, err := sqlitelog.Open(t.Context(), path, sqlitelog.Options{})
			if err != nil {
				failed[i] = err
				return
			}
			_, err = log.Totals(t.Context())
			failed[i] = errors.Join(err, log.Close())
		})
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Error(err)
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	garbage := filepath.Join(t.TempDir(), "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"no directory":   filepath.Join(t.TempDir(), "absent", "log.db"),
		"not a database": garbage,
		"a directory":    t.TempDir(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := sqlitelog.Open(t.Context(), path, sqlitelog.Options{}); err == nil {
				t.Error("Open succeeded")
			}
		})
	}
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a name with ? # % and 한글")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	log := open(t, filepath.Join(dir, "log.db"))
	if err := log.DeadLetters().Bury(t.Context(), []events.DeadLetter{{Sealed: []byte{1}}}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 2 {
		t.Fatalf("%d files, want the log and its WAL", len(files))
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", f.Name(), mode)
		}
	}
}

func TestDestroyedKeyLeavesNoByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := openKeys(t, filepath.Join(dir, "keys.db"))
	key := []byte("the wrapped key of one campaign, 60 bytes as it is wrapped..")
	if err := keys.AddKeys(t.Context(), nil, map[events.Campaign][]byte{"c": key, "other": []byte("stays")}); err != nil {
		t.Fatal(err)
	}
	if !contains(t, dir, key) {
		t.Fatal("the key is in no file before it is destroyed: this test looks at the wrong place")
	}
	if err := keys.DestroyKey(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if contains(t, dir, key) {
		t.Error("the key is still in a file after it was destroyed")
	}
}

func TestDiscardedLetterLeavesNoByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "log.db")
	sealed := func(n byte) []byte { return bytes.Repeat([]byte{'s', 'e', 'a', 'l', n}, 400) }
	change := func(f func(*sqlitelog.Log) error) {
		t.Helper()
		log, err := sqlitelog.Open(t.Context(), path, sqlitelog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f(log), log.Close()); err != nil { // closed, the WAL is in the file
			t.Fatal(err)
		}
	}
	change(func(log *sqlitelog.Log) error {
		return log.DeadLetters().Bury(t.Context(), []events.DeadLetter{{ID: events.ID{1}, Sealed: sealed(1)}, {ID: events.ID{2}, Sealed: sealed(2)}})
	})
	if !contains(t, dir, sealed(1)) || !contains(t, dir, sealed(2)) {
		t.Fatal("what is sealed is in no file: this test looks at the wrong place")
	}
	change(func(log *sqlitelog.Log) error {
		_, err := log.DeadLetters().Discard(t.Context(), []events.ID{{1}}, events.Discarded{By: "me", Why: "test"})
		return err
	})
	if contains(t, dir, sealed(1)) {
		t.Error("what was sealed is still in a file after its letter was discarded")
	}
	if !contains(t, dir, sealed(2)) {
		t.Error("the other letter is gone too")
	}
}

// contains reports whether a file in dir holds any sixteen bytes in a row of key.
func contains(t *testing.T, dir string, key []byte) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(key) - 15 {
			if bytes.Contains(content, key[i:i+16]) {
				return true
			}
		}
	}
	return false
}

func TestOpenRefusesTheSchemaOfANewerProgram(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(path string) error{
		"log": func(path string) error {
			log, err := sqlitelog.Open(t.Context(), path, sqlitelog.Options{})
			if err == nil {
				err = log.Close()
			}
			return err
		},
		"keys": func(path string) error {
			keys, err := sqlitelog.OpenKeys(t.Context(), path)
			if err == nil {
				err = keys.Close()
			}
			return err
		},
	} {
		path := filepath.Join(t.TempDir(), name+".db")
		if err := open(path); err != nil {
			t.Fatal(err)
		}
		if err := exec(t.Context(), path, []string{`INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, 1)`}); err != nil {
			t.Fatal(err)
		}
		if err := open(path); err == nil || !strings.Contains(err.Error(), "is of version 1000 and this program knows none above ") {
			t.Errorf("opening the %s: %v, want an error that names both versions", name, err)
		}
	}
}

func open(t testing.TB, path string) *sqlitelog.Log {
	t.Helper()
	return openWith(t, path, sqlitelog.Options{})
}

func openWith(t testing.TB, path string, opts sqlitelog.Options) *sqlitelog.Log {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return log
}

func openKeys(t testing.TB, path string) *sqlitelog.Keys {
	t.Helper()
	keys, err := sqlitelog.OpenKeys(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keys.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return keys
}

func exec(ctx context.Context, path string, statements []string) (err error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
