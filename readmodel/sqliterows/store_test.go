package sqliterows_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/readmodeltest"
	"jangbu/readmodel/sqliterows"
)

func adapter() readmodeltest.Adapter {
	return readmodeltest.Adapter{
		Database: func(t testing.TB, tables []*readmodel.Table) func(...*readmodel.Table) readmodel.Store {
			path := filepath.Join(t.TempDir(), "rows.db")
			execute(t, path, readmodeltest.ExtraOnSQLite)
			return func(others ...*readmodel.Table) readmodel.Store {
				tables := tables
				if len(others) > 0 {
					tables = others
				}
				store, err := sqliterows.Open(t.Context(), path, tables)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := store.Close(); err != nil {
						t.Error(err)
					}
				})
				return store
			}
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	readmodeltest.Test(t, adapter())
}

func BenchmarkStore(b *testing.B) {
	readmodeltest.Benchmark(b, adapter())
}

// execute runs a statement on the file by hand.
func execute(t testing.TB, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// The columns of a table are those that its description names, no more and no fewer.
func TestTablesAreAsDescribed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.db")
	store, err := sqliterows.Open(t.Context(), path, projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	type column struct {
		Name, Type string
		Null       bool
		Key        int // place in the primary key, from 1; 0: none
	}
	for _, table := range projections.Tables(projections.All()) {
		want := []column{{"generation", "INTEGER", false, 1}}
		for i, c := range table.Columns {
			key, typ := 0, "INTEGER"
			if i < len(table.Key) {
				key = i + 2
			}
			if c.HasTexts() {
				typ = "TEXT"
			}
			want = append(want, column{c.Name, typ, c.Null, key})
		}
		var got []column
		for i := range want {
			const info = `SELECT name, type, NOT "notnull", pk FROM pragma_table_info(?1) WHERE cid = ?2`
			var c column
			if err := db.QueryRowContext(t.Context(), info, table.Name, i).Scan(&c.Name, &c.Type, &c.Null, &c.Key); err != nil {
				t.Fatalf("%s, column %d: %v", table.Name, i, err)
			}
			got = append(got, c)
		}
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pragma_table_info(?1)", table.Name).Scan(&n); err != nil || n != len(want) {
			t.Errorf("%s has %d columns, %d are described: %v", table.Name, n, len(want), err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-described +in schema.sql):\n%s", table.Name, d)
		}
	}
}

func TestOpenRefusesATableThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := sqliterows.Open(t.Context(), filepath.Join(t.TempDir(), "rows.db"), readmodeltest.Tables())
	if err == nil || !strings.Contains(err.Error(), "extra") {
		t.Errorf("Open with a table that schema.sql lacks: %v, want an error that names it", err)
	}
}
