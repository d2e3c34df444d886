package pgrows_test

import (
	"testing"

	"jangbu/events/pglog/pgtest"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/readmodeltest"
)

func adapter() readmodeltest.Adapter {
	return readmodeltest.Adapter{
		Database: func(t testing.TB) func() readmodeltest.Store {
			url := pgtest.Database(t)
			return func() readmodeltest.Store {
				store, err := pgrows.Open(t.Context(), url)
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

func BenchmarkStore(b *testing.B) {
	readmodeltest.Benchmark(b, adapter())
}
