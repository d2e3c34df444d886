package pglog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
)

// TestSegmentsAreTended: what a log appends to is made ahead, and what is full gets a filter,
// which another process finds.
func TestSegmentsAreTended(t *testing.T) {
	t.Parallel()
	const size = 100
	url := services.Database(t)
	log, conn := openWith(t, url, pglog.Options{}.InSegments(size)), connect(t, url)
	count := func(query string) (n int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	tended := func(segments, filters int) {
		t.Helper()
		for deadline := time.Now().Add(patience); ; {
			s, f := count(`SELECT count(*) FROM jangbu_log.segments`), count(`SELECT count(*) FROM jangbu_log.filters`)
			if s == segments && f == filters {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d segments and %d filters, want %d and %d", s, f, segments, filters)
			}
		}
	}
	mustAppend(t, log, drafts("c", 0, size/2-1))
	tended(1, 0)
	mustAppend(t, log, drafts("c", size/2-1, size/2))
	tended(2, 0)
	mustAppend(t, log, drafts("c", size-1, 1))
	tended(2, 1)
	mustAppend(t, log, drafts("c", size, size/2))
	tended(3, 1)
	log.Settle(t)
	other := openWith(t, url, pglog.Options{}.InSegments(size))
	mustAppend(t, other, drafts("c", 3*size/2, size/2)) // more than a few: it reads the filters
	for name, l := range map[string]*pglog.Log{"the first process": log, "another": other} {
		if n := l.Filters(t); n == 0 {
			t.Errorf("%s has no filter", name)
		}
	}
	tended(3, 2)
	// The next segment was there before it was needed, so its table is older than its events.
	if n := count(`SELECT count(*) FROM jangbu_log.events_200 AS e JOIN pg_class AS c ON c.relname = 'events_200' WHERE age(e.xmin) >= age(c.xmin)`); n != 0 {
		t.Errorf("%d events are not younger than their segment", n)
	}
}

// TestOwnFiltersAreThoseOfTheLog: a filter that a process has made of its own appends, all or in part,
// is the one that another reads back.
func TestOwnFiltersAreThoseOfTheLog(t *testing.T) {
	t.Parallel()
	const size = 100
	url := services.Database(t)
	opts := pglog.Options{}.InSegments(size)
	log, other, conn := openWith(t, url, opts), openWith(t, url, opts), connect(t, url)
	for n := 0; n < 4*size; n += 7 {
		from := log
		if n == 210 { // between two appends of the first process
			from = other
		}
		mustAppend(t, from, drafts("c", n, 10)) // three of them again
	}
	log.Settle(t)
	kept := func() (all []string) {
		t.Helper()
		rows, err := conn.Query(t.Context(), `SELECT bits FROM jangbu_log.filters ORDER BY last`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var bits []byte
			if err := rows.Scan(&bits); err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%x", bits))
		}
		return all
	}
	own := kept()
	if _, err := conn.Exec(t.Context(), `DELETE FROM jangbu_log.filters`); err != nil {
		t.Fatal(err)
	}
	openWith(t, url, opts).Settle(t)
	if diff := cmp.Diff(kept(), own); len(own) != 4 || diff != "" {
		t.Errorf("%d filters (-read +own):\n%s", len(own), diff)
	}
}

// TestFormerProgramIsRefused: a program that does not know segments compares what it appends with
// one of them.
func TestFormerProgramIsRefused(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), services.Database(t)
	log := open(t, url)
	mustAppend(t, log, drafts("c", 0, 3))
	conn := connect(t, url)
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, `UPDATE jangbu_log.log_head SET position = position + 1, received = received + 1`); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, `SAVEPOINT copied`); err != nil {
		t.Fatal(err)
	}
	var refused *pgconn.PgError
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, strings.NewReader(""), `COPY jangbu_log.events FROM STDIN`); !errors.As(err, &refused) || !strings.Contains(refused.Message, "run a newer program") {
		t.Errorf("it appends: %v", err)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	// What is no append, such as a copy of a backup, is not refused.
	if _, err := conn.Exec(ctx, `
CREATE TEMPORARY TABLE backup AS SELECT * FROM jangbu_log.events;
DELETE FROM jangbu_log.events;
INSERT INTO jangbu_log.events SELECT * FROM backup`); err != nil {
		t.Error(err)
	}
	if n := len(mustRead(t, log)); n != 3 {
		t.Errorf("the log has %d events", n)
	}
}

// TestSegmentsOfAFormerLog upgrades a log that is larger than a segment: its table becomes the
// first one without being written anew, who may read it may read the others, and what it holds is
// known.
func TestSegmentsOfAFormerLog(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), services.Database(t)
	opts := pglog.Options{}.InSegments(1000)
	func() {
		log, err := pglog.Open(ctx, url, opts)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		mustAppend(t, log, drafts("c", 0, 240))
	}()
	conn := connect(t, url)
	reader := "reader_" + strings.TrimPrefix(conn.Config().Database, "jangbu_test_")
	for _, s := range append(undoSegments(1000),
		`CREATE ROLE `+reader, `GRANT SELECT ON events TO `+reader,
		`DELETE FROM goose_db_version WHERE version_id >= 13`) {
		if err := exec(ctx, url, []string{s}); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	t.Cleanup(func() {
		if _, err := conn.Exec(context.WithoutCancel(ctx), `DROP OWNED BY `+reader+`; DROP ROLE `+reader); err != nil {
			t.Error(err)
		}
	})
	file := func(table string) (path string) {
		t.Helper()
		if err := conn.QueryRow(ctx, `SELECT pg_relation_filepath($1)`, table).Scan(&path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	before := file("jangbu_log.events")

	log := openWith(t, url, pglog.Options{}.InSegments(100))
	if now := file("jangbu_log.events_300"); now != before {
		t.Errorf("the events were in %s and are in %s", before, now)
	}
	mustAppend(t, log, drafts("c", 240, 200))
	log.Settle(t)
	var segments []string
	rows, err := conn.Query(ctx, `SELECT first || '-' || last FROM jangbu_log.segments ORDER BY last`)
	if err == nil {
		segments, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if got := fmt.Sprint(segments); err != nil || !strings.HasPrefix(got, "[1-300 301-400 401-500") {
		t.Errorf("segments %s, %v", got, err)
	}
	if n := log.Filters(t); n != 4 {
		t.Errorf("%d filters, want one for each hundred events", n)
	}
	for _, o := range mustAppend(t, log, drafts("c", 0, 440)) {
		if o != events.Duplicate {
			t.Fatalf("outcome %v, want duplicates only", o)
		}
	}
	var readable bool
	if err := conn.QueryRow(ctx, `
SELECT bool_and(has_table_privilege($1, oid, 'SELECT')) FROM pg_class
WHERE relnamespace = 'jangbu_log'::regnamespace AND relname ~ '^events(_[0-9]+)?$'`, reader).Scan(&readable); err != nil || !readable {
		t.Errorf("the reader may not read all: %v", err)
	}
}

// undoSegments are statements that bring a log in one segment to the version before.
func undoSegments(last int) []string {
	return []string{
		fmt.Sprintf(`ALTER TABLE events DETACH PARTITION events_%d`, last),
		`DROP TABLE events`,
		fmt.Sprintf(`ALTER TABLE events_%d RENAME TO events`, last),
		fmt.Sprintf(`ALTER TABLE events RENAME CONSTRAINT events_%d_pkey TO events_pkey`, last),
		fmt.Sprintf(`ALTER TABLE events RENAME CONSTRAINT events_%d_identity TO events_identity`, last),
		fmt.Sprintf(`ALTER INDEX events_%d_rare RENAME TO events_rare`, last),
		`DROP TABLE segments, filters`,
		`DROP FUNCTION add_segment, refuse_append, grant_alike`,
		`ALTER TABLE log_head DROP COLUMN renamed`,
	}
}
