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

// adapter returns the store at a database, or where through leads from it.
func adapter(through ...func(string) string) readmodeltest.Adapter {
	return readmodeltest.Adapter{
		Database: func(t testing.TB, tables []*readmodel.Table) func(...*readmodel.Table) readmodel.Store {
			url := services.Database(t)
			if _, err := connect(t, url).Exec(t.Context(), readmodeltest.ExtraOnPostgres); err != nil {
				t.Fatal(err)
			}
			for _, lead := range through {
				url = lead(url)
			}
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
	readmodeltest.Test(t, adapter())
}

// TestConformanceThroughPgBouncer gives each transaction another session.
func TestConformanceThroughPgBouncer(t *testing.T) {
	t.Parallel()
	readmodeltest.Test(t, adapter(services.PgBouncer(t)))
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
	readmodeltest.Benchmark(b, adapter())
}
