package pgrows_test

import (
	"testing"
	"time"

	"jangbu/events/eventstest/services"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/readmodeltest"
)

// adapter returns the store at a database, or where through leads from it. All are copies of an empty
// one.
func adapter(t testing.TB, through ...func(string) string) readmodeltest.Adapter {
	t.Helper()
	lead := func(url string) string {
		for _, lead := range through {
			url = lead(url)
		}
		return url
	}
	empty := services.Template(t, func(url string) {
		conn := connect(t, url)
		if _, err := conn.Exec(t.Context(), readmodeltest.ExtraOnPostgres); err != nil {
			t.Fatal(err)
		}
		store, err := pgrows.Open(t.Context(), lead(url), readmodeltest.Tables(), pgrows.Options{})
		if err != nil {
			t.Fatal(err)
		}
		store.Close()
		if _, err := conn.Exec(t.Context(), `DELETE FROM jangbu_rows.store`); err != nil { // each store has a number of its own
			t.Fatal(err)
		}
	})
	return readmodeltest.Adapter{
		Database: func(t testing.TB, tables []*readmodel.Table) func(...*readmodel.Table) readmodel.Store {
			url := lead(services.Database(t, empty))
			return func(others ...*readmodel.Table) readmodel.Store {
				tables := tables
				if len(others) > 0 {
					tables = others
				}
				store, err := pgrows.Open(t.Context(), url, tables, pgrows.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(store.Close)
				return store
			}
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	readmodeltest.Test(t, adapter(t))
}

// TestConformanceThroughPgBouncer gives each transaction another session.
func TestConformanceThroughPgBouncer(t *testing.T) {
	t.Parallel()
	readmodeltest.Test(t, adapter(t, services.PgBouncer(t)))
}

// lead registers the projections of all tables and takes a lease.
func lead(t *testing.T, store *pgrows.Store) ([]readmodel.Checkpoint, readmodel.Lease) {
	t.Helper()
	var wanted []readmodel.Checkpoint
	for _, p := range projections.All() {
		wanted = append(wanted, readmodel.Checkpoint{Projection: p.Name(), Version: 1})
	}
	at, err := store.Register(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	lease, _, err := store.Acquire(t.Context(), "projections", "process-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return at, lease
}

// advance moves every checkpoint by one, also those given.
func advance(at []readmodel.Checkpoint) []readmodel.Advance {
	var advances []readmodel.Advance
	for i := range at {
		advances = append(advances, readmodel.Advance{Checkpoint: at[i], To: at[i].Position + 1})
		at[i].Position++
	}
	return advances
}

func BenchmarkStore(b *testing.B) {
	readmodeltest.Benchmark(b, adapter(b))
}
