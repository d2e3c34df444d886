package sqliterows_test

import (
	"path/filepath"
	"testing"

	"jangbu/readmodel/readmodeltest"
	"jangbu/readmodel/sqliterows"
)

func adapter() readmodeltest.Adapter {
	return readmodeltest.Adapter{
		Database: func(t testing.TB) func() readmodeltest.Store {
			path := filepath.Join(t.TempDir(), "rows.db")
			return func() readmodeltest.Store {
				store, err := sqliterows.Open(t.Context(), path)
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
