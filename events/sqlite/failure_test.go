package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"jangbu/events"
	"jangbu/events/sqlite"
)

// TestFailures: what SQLite itself returns is told by its code.
func TestFailures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	one, other := open(t, path), open(t, path)
	must(t, one, `PRAGMA journal_mode = WAL`, `CREATE TABLE a (b INTEGER PRIMARY KEY, c)`, `INSERT INTO a VALUES (1, 1)`)
	held, err := one.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	if _, err := held.ExecContext(t.Context(), `BEGIN EXCLUSIVE`); err != nil {
		t.Fatal(err)
	}
	_, busy := other.ExecContext(t.Context(), `INSERT INTO a VALUES (2, 2)`)
	if _, err := held.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	_, taken := other.ExecContext(t.Context(), `INSERT INTO a VALUES (1, 2)`)
	_, wrong := other.ExecContext(t.Context(), `SELEC`)
	full := open(t, filepath.Join(dir, "full.db"))
	must(t, full, `CREATE TABLE a (b)`, `PRAGMA max_page_count = 3`)
	_, noRoom := full.ExecContext(t.Context(), `INSERT INTO a VALUES (zeroblob(100000))`)
	gone := open(t, "file:"+filepath.Join(dir, "gone.db")+"?mode=rw").PingContext(t.Context())
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, noDatabase := open(t, garbage).ExecContext(t.Context(), `SELECT * FROM a`)

	for name, c := range map[string]struct {
		err                        error
		away, busy, damaged, taken bool
	}{
		"none":                {},
		"held by another":     {err: busy, away: true, busy: true},
		"no room":             {err: noRoom, away: true},
		"gone":                {err: gone, away: true},
		"gone, wrapped":       {err: fmt.Errorf("read: %w", gone), away: true},
		"gone, and cancelled": {err: errors.Join(context.Canceled, gone)},
		"no database":         {err: noDatabase, damaged: true},
		"taken":               {err: taken, taken: true},
		"a wrong statement":   {err: wrong},
		"no rows":             {err: sql.ErrNoRows},
		"another":             {err: errors.New("database is locked (5) (SQLITE_BUSY)")},
	} {
		if (c.err == nil) != (name == "none") {
			t.Errorf("%s: there is no error", name)
		}
		if got := sqlite.Away(c.err); errors.Is(got, events.ErrAway) != c.away || !errors.Is(got, c.err) || (got == nil) != (c.err == nil) {
			t.Errorf("%s: Away returns %v", name, got)
		}
		if sqlite.Busy(c.err) != c.busy || sqlite.Damaged(c.err) != c.damaged || sqlite.Taken(c.err) != c.taken {
			t.Errorf("%s: %v is busy %t, damaged %t, taken %t", name, c.err, sqlite.Busy(c.err), sqlite.Damaged(c.err), sqlite.Taken(c.err))
		}
	}
}

func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func must(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	db.SetMaxOpenConns(1) // a PRAGMA is a connection's
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}
