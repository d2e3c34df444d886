package pgrows_test

import (
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"jangbu/events/pglog/pgtest"
	"jangbu/readmodel/pgrows"
)

func TestManyOpenANewDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			store, err := pgrows.Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			store.Close()
		})
	}
	all.Wait()
}

// Analysts read these tables with SQL and look up there what a column means.
func TestEveryTableAndColumnHasAComment(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	store, err := pgrows.Open(t.Context(), url)
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
