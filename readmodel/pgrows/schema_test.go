package pgrows_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"jangbu/events/eventstest/services"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/readmodeltest"
)

func TestManyOpenANewDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			store, err := pgrows.Open(t.Context(), url, projections.Tables(projections.All()), pgrows.Options{})
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
	store, err := pgrows.Open(t.Context(), url, projections.Tables(projections.All()), pgrows.Options{})
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
	store, err = pgrows.Open(ctx, url, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	store.Close()
}

// Analysts read the views and these tables with SQL and look up the meaning of a column there.
func TestEveryTableAndColumnHasAComment(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	store, err := pgrows.Open(t.Context(), url, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	conn := connect(t, url)
	const without = `
SELECT c.relname, coalesce(a.attname, '')
FROM pg_class AS c
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'jangbu_rows'::regnamespace AND c.relkind IN ('r', 'v')
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

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

// The columns of a table are those that its description names, no more and no fewer.
func TestTablesAreAsDescribed(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	store, err := pgrows.Open(t.Context(), url, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	conn := connect(t, url)
	types := map[readmodel.Kind]string{
		readmodel.Text: "text", readmodel.Boolean: "boolean", readmodel.Integer: "bigint",
		readmodel.Instant: "timestamp with time zone", readmodel.Amount: "bigint", readmodel.Value: "bigint", readmodel.ByLabel: "json",
	}
	const columns = `
SELECT a.attname, format_type(a.atttypid, NULL), NOT a.attnotnull, coalesce(array_position(i.indkey::smallint[], a.attnum) + 1, 0)
FROM pg_attribute AS a
LEFT JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`
	type column struct {
		Name, Type string
		Null       bool
		Key        int // place in the primary key, from 1; 0: none
	}
	for _, table := range projections.Tables(projections.All()) {
		want := []column{{"generation", "integer", false, 1}}
		for i, c := range table.Columns {
			key := 0
			if i < len(table.Key) {
				key = i + 2
			}
			want = append(want, column{c.Name, types[c.Kind], c.Null, key})
		}
		rows, err := conn.Query(t.Context(), columns, "jangbu_rows."+table.Name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-described +in schema.sql):\n%s", table.Name, d)
		}
	}
}

func TestOpenRefusesATableThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := pgrows.Open(t.Context(), services.Database(t), readmodeltest.Tables(), pgrows.Options{})
	if err == nil || !strings.Contains(err.Error(), "extra") {
		t.Errorf("Open with a table that schema.sql lacks: %v, want an error that names it", err)
	}
}

func TestOpenRefusesTheSchemaOfANewerProgram(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	store, err := pgrows.Open(t.Context(), url, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store.Close()
	if _, err := connect(t, url).Exec(t.Context(), `UPDATE jangbu_rows.schema_version SET version = 1000`); err != nil {
		t.Fatal(err)
	}
	_, err = pgrows.Open(t.Context(), url, projections.Tables(projections.All()), pgrows.Options{})
	if err == nil || !strings.Contains(err.Error(), "is of version 1000 and this program knows none above ") {
		t.Errorf("Open: %v, want an error that names both versions", err)
	}
}
