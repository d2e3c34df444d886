package sqlitelog_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/events/sqlitelog"
)

// TestSegmentsAreTended: what is full gets a filter, which another process finds.
func TestSegmentsAreTended(t *testing.T) {
	t.Parallel()
	const size = 100
	path, opts := filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{}.InSegments(size)
	log, db := openWith(t, path, opts), openFile(t, path)
	tended := func(segments, filters int) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; {
			s, f := count(t, db, `SELECT count(*) FROM segments`), count(t, db, `SELECT count(*) FROM filters`)
			if s == segments && f == filters {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d segments and %d filters, want %d and %d", s, f, segments, filters)
			}
		}
	}
	mustAppend(t, log, numbered("c", 0, size-1))
	tended(1, 0)
	mustAppend(t, log, numbered("c", size-1, 1))
	tended(1, 1)
	mustAppend(t, log, numbered("c", size, size/2))
	tended(2, 1)
	log.Settle(t)
	other := openWith(t, path, opts)
	mustAppend(t, other, numbered("c", 3*size/2, size/2)) // more than a few: it reads the filters
	for name, l := range map[string]*sqlitelog.Log{"the first process": log, "another": other} {
		if n := l.Filters(t); n == 0 {
			t.Errorf("%s has no filter", name)
		}
	}
	tended(2, 2)
}

// TestOwnFiltersAreThoseOfTheLog: a filter that a process has made of its own appends, all or in part,
// is the one that another reads back.
func TestOwnFiltersAreThoseOfTheLog(t *testing.T) {
	t.Parallel()
	const size = 100
	path, opts := filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{}.InSegments(size)
	log, other, db := openWith(t, path, opts), openWith(t, path, opts), openFile(t, path)
	for n := 0; n < 4*size; n += 7 {
		from := log
		if n == 210 { // between two appends of the first process
			from = other
		}
		mustAppend(t, from, numbered("c", n, 10)) // three of them again
	}
	log.Settle(t)
	kept := func() (all []string) {
		t.Helper()
		for n := range 4 {
			var bits string
			if err := db.QueryRowContext(t.Context(), `SELECT hex(bits) FROM filters WHERE last = ?`, (n+1)*size).Scan(&bits); err != nil {
				t.Fatal(err)
			}
			all = append(all, bits)
		}
		return all
	}
	own := kept()
	if _, err := db.ExecContext(t.Context(), `DELETE FROM filters`); err != nil {
		t.Fatal(err)
	}
	openWith(t, path, opts).Settle(t)
	if diff := cmp.Diff(kept(), own); diff != "" {
		t.Errorf("filters (-read +own):\n%s", diff)
	}
}

// TestIdentitiesAreThoseOfEvents: whatever is done to events, each has its identity in its segment,
// and there are no others.
func TestIdentitiesAreThoseOfEvents(t *testing.T) {
	t.Parallel()
	const size = 100
	path := filepath.Join(t.TempDir(), "log.db")
	log, db := openWith(t, path, sqlitelog.Options{}.InSegments(size)), openFile(t, path)
	for from := 0; from < 5*size/2; from += size / 2 {
		mustAppend(t, log, numbered("c", max(0, from-10), size/2+10)) // some of them again
	}
	same := func(events int) {
		t.Helper()
		got := count(t, db, `SELECT count(*) FROM events`)
		for last := size; last <= 3*size; last += size {
			if n := count(t, db, fmt.Sprintf(`
SELECT (SELECT count(*) FROM events WHERE position > %[1]d - %[2]d AND position <= %[1]d)
    + (SELECT count(*) FROM identities_%[1]d)
    - 2 * (SELECT count(*) FROM identities_%[1]d JOIN events USING (position, campaign, id))`, last, size)); n != 0 {
				t.Errorf("%d events or identities up to %d are without the other", n, last)
			}
		}
		if got != events {
			t.Errorf("%d events, want %d", got, events)
		}
	}
	same(250)
	if _, err := db.ExecContext(t.Context(), `UPDATE events SET campaign = 'd' WHERE position IN (1, 150, 250)`); err != nil {
		t.Fatal(err)
	}
	same(250)
	if _, err := db.ExecContext(t.Context(), `DELETE FROM events WHERE position > 120`); err != nil {
		t.Fatal(err)
	}
	same(120)
}

// TestFormerProgramIsRefused: a program that does not know segments relies on the constraint that the
// table of events had.
func TestFormerProgramIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	mustAppend(t, open(t, path), numbered("c", 0, 3))
	_, err := openFile(t, path).ExecContext(t.Context(), `
INSERT INTO events (position, occurred_at, recorded_at, type, id, digest, campaign, payload, form)
VALUES (4, 1, 1, 2, x'00', x'00', 'c', '{}', 2)
ON CONFLICT (campaign, id) DO NOTHING`)
	if err == nil || !strings.Contains(err.Error(), "ON CONFLICT clause does not match") {
		t.Errorf("it appends: %v", err)
	}
}

// TestSegmentsOfAFormerLog upgrades a log that is larger than a segment: the index of its identities
// becomes the table of those of the first one without being written anew, and what it holds is known.
func TestSegmentsOfAFormerLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	func() {
		log, err := sqlitelog.Open(t.Context(), path, sqlitelog.Options{}.InSegments(1000))
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, log, numbered("c", 0, 240))
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	if err := exec(t.Context(), path, append(undoSegments(1000), `DELETE FROM goose_db_version WHERE version_id >= 13`)); err != nil {
		t.Fatal(err)
	}
	db := openFile(t, path)
	page := func(name string) int {
		t.Helper()
		return count(t, db, `SELECT rootpage FROM sqlite_schema WHERE name = '`+name+`'`)
	}
	before := page("sqlite_autoindex_events_1")
	log := openWith(t, path, sqlitelog.Options{}.InSegments(100))
	if now := page("identities_300"); now != before {
		t.Errorf("the identities were in page %d and are in %d", before, now)
	}
	whole := func() {
		t.Helper()
		var found string
		if err := db.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&found); err != nil || found != "ok" {
			t.Errorf("the file is damaged: %s, %v", found, err)
		}
	}
	whole()
	mustAppend(t, log, numbered("c", 240, 200))
	log.Settle(t)
	if n := count(t, db, `SELECT count(*) FROM segments WHERE (first, last) IN (VALUES (1, 300), (301, 400), (401, 500))`); n != 3 {
		t.Errorf("%d of the segments are right, want 3", n)
	}
	if n := log.Filters(t); n != 4 {
		t.Errorf("%d filters, want one for each hundred events", n)
	}
	for _, o := range mustAppend(t, log, numbered("c", 0, 440)) {
		if o != events.Duplicate {
			t.Fatalf("outcome %v, want duplicates only", o)
		}
	}
	if err := log.Erasures().Compact(t.Context()); err != nil {
		t.Error(err)
	}
	whole()
	if n := count(t, db, `SELECT count(*) FROM identities_300`); n != 300 {
		t.Errorf("the first segment has %d identities, want 300", n)
	}
}

// undoSegments are statements that bring a log in one segment to the version before.
func undoSegments(last int) []string {
	return []string{
		fmt.Sprintf(`DROP TRIGGER identities_%d_deleted`, last),
		fmt.Sprintf(`DROP TRIGGER identities_%d_renamed`, last),
		fmt.Sprintf(`DROP TABLE identities_%d`, last),
		`DROP TABLE segments`,
		`DROP TABLE filters`,
		`ALTER TABLE log_head DROP COLUMN renamed`,
		`CREATE TABLE former (
    position    INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    type        INTEGER NOT NULL,
    id          BLOB NOT NULL,
    digest      BLOB NOT NULL,
    campaign    TEXT NOT NULL,
    payload     TEXT NOT NULL, form INTEGER NOT NULL DEFAULT 1,
    CONSTRAINT events_pkey PRIMARY KEY (position),
    CONSTRAINT events_identity UNIQUE (campaign, id)
) STRICT`,
		`INSERT INTO former SELECT position, occurred_at, recorded_at, type, id, digest, campaign, payload, form FROM events`,
		`DROP TABLE events`,
		`ALTER TABLE former RENAME TO events`,
		`CREATE INDEX events_rare ON events (campaign, position) WHERE type IN (1, 5)`,
	}
}

func mustAppend(t testing.TB, log events.Log, drafts []events.Draft) []events.Outcome {
	t.Helper()
	receipt, err := log.Append(t.Context(), drafts)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Outcomes
}

func openFile(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func count(t testing.TB, db *sql.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(context.WithoutCancel(t.Context()), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
