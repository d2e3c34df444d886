package pgrows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events/eventstest/services"
	"jangbu/readmodel/pgrows"
)

func TestManyOpenANewDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			store, err := pgrows.Open(t.Context(), url, pgrows.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			store.Close()
		})
	}
	all.Wait()
}

// A process that starts must not wait for one that commits.
func TestOpenDoesNotWaitForACommit(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	store, err := pgrows.Open(t.Context(), url, pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store.Close()
	committing, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = committing.Rollback(t.Context()) }()
	const asACommitDoes = `
LOCK TABLE jangbu_rows.event_stats, jangbu_rows.channel_stats, jangbu_rows.participation_hourly,
    jangbu_rows.participant_profile, jangbu_rows.generations, jangbu_rows.leases, jangbu_rows.store IN ROW EXCLUSIVE MODE;
SELECT FROM jangbu_rows.store FOR NO KEY UPDATE`
	if _, err := committing.Exec(t.Context(), asACommitDoes); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	store, err = pgrows.Open(ctx, url, pgrows.Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	store.Close()
}

// Analysts read these tables with SQL and look up there what a column means.
func TestEveryTableAndColumnHasAComment(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	store, err := pgrows.Open(t.Context(), url, pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	conn := connect(t, url)
	const without = `
SELECT c.relname, coalesce(a.attname, '')
FROM pg_class AS c
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'jangbu_rows'::regnamespace AND c.relkind = 'r'
  AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL)`
	rows, err := conn.Query(t.Context(), without)
	if err != nil {
		t.Fatal(err)
	}
	var table, column string
	_, err = pgx.ForEachRow(rows, []any{&table, &column}, func() error {
		t.Errorf("%s.%s has no comment", table, column)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}
