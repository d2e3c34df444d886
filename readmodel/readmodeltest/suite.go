package readmodeltest

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/readmodel"
)

// Adapter opens stores of one kind.
type Adapter struct {
	// Database makes an empty database that lasts as long as the test and has the table
	// of [Extra] rows. Each call of open opens it for the tables, as another process
	// would, or for others, as another release would.
	Database func(t testing.TB, tables []*readmodel.Table) (open func(others ...*readmodel.Table) readmodel.Store)
}

// Test checks every rule, each on a database of its own.
func Test(t *testing.T, a Adapter) {
	t.Run("Register", func(t *testing.T) { t.Parallel(); testRegister(t, a) })
	t.Run("RoundTrip", func(t *testing.T) { t.Parallel(); testRoundTrip(t, a) })
	t.Run("Load", func(t *testing.T) { t.Parallel(); testLoad(t, a) })
	t.Run("Commit", func(t *testing.T) { t.Parallel(); testCommit(t, a) })
	t.Run("Fencing", func(t *testing.T) { t.Parallel(); testFencing(t, a) })
	t.Run("Leases", func(t *testing.T) { t.Parallel(); testLeases(t, a) })
	t.Run("Campaign", func(t *testing.T) { t.Parallel(); testCampaign(t, a) })
	t.Run("Scope", func(t *testing.T) { t.Parallel(); testScope(t, a) })
	t.Run("ShopCampaigns", func(t *testing.T) { t.Parallel(); testShopCampaigns(t, a) })
	t.Run("Revision", func(t *testing.T) { t.Parallel(); testRevision(t, a) })
	t.Run("Distributed", func(t *testing.T) { t.Parallel(); testDistributed(t, a) })
	t.Run("Snapshot", func(t *testing.T) { t.Parallel(); testSnapshot(t, a) })
	t.Run("Holders", func(t *testing.T) { t.Parallel(); testHolders(t, a) })
	t.Run("Generations", func(t *testing.T) { t.Parallel(); testGenerations(t, a) })
	t.Run("Activation", func(t *testing.T) { t.Parallel(); testActivation(t, a) })
	t.Run("History", func(t *testing.T) { t.Parallel(); testHistory(t, a) })
	t.Run("Pruning", func(t *testing.T) { t.Parallel(); testPruning(t, a) })
	t.Run("Replace", func(t *testing.T) { t.Parallel(); testReplace(t, a) })
	t.Run("Pause", func(t *testing.T) { t.Parallel(); testPause(t, a) })
	t.Run("Operations", func(t *testing.T) { t.Parallel(); testOperations(t, a) })
	t.Run("Heals", func(t *testing.T) { t.Parallel(); testHeals(t, a) })
	t.Run("Earlier", func(t *testing.T) { t.Parallel(); testEarlier(t, a) })
	t.Run("Texts", func(t *testing.T) { t.Parallel(); testTexts(t, a) })
	t.Run("LeaseRequired", func(t *testing.T) { t.Parallel(); testLeaseRequired(t, a) })
	t.Run("RandomBatches", func(t *testing.T) { t.Parallel(); testRandomBatches(t, a) })
}

const (
	version   = 3 // of every projection in the suite
	leaseName = "projections"
	owner     = "process-1"
	rival     = "process-2"
	longTTL   = time.Hour
	patience  = 10 * time.Second // the longest wait for a condition
)

// testBundle is a database with all projections registered and a lease held.
type testBundle struct {
	open  func(others ...*readmodel.Table) readmodel.Store
	store readmodel.Store
	lease readmodel.Lease
	at    []readmodel.Checkpoint // of each table, in the order of tables
	// revision is that of the last commit.
	revision readmodel.Revision
}

// tables returns what setup registers for each table.
func tables() []readmodel.Checkpoint {
	all := make([]readmodel.Checkpoint, len(Tables()))
	for i, t := range Tables() {
		all[i] = readmodel.Checkpoint{Projection: t.Name, Version: version}
	}
	return all
}

func setup(t testing.TB, a Adapter) *testBundle {
	t.Helper()
	return setupWith(t, a, Tables())
}

// setupWith is setup with some of the tables.
func setupWith(t testing.TB, a Adapter, some []*readmodel.Table) *testBundle {
	t.Helper()
	b := &testBundle{open: a.Database(t, some)}
	b.store = b.open()
	b.at = register(t, b.store, tables()[:len(some)]...)
	b.lease = acquire(t, b.store, leaseName, owner, longTTL)
	return b
}

func register(t testing.TB, s readmodel.Store, projections ...readmodel.Checkpoint) []readmodel.Checkpoint {
	t.Helper()
	active, err := s.Register(t.Context(), projections)
	if err != nil {
		t.Fatalf("Register: %v", err)
	}
	return active
}

func acquire(t testing.TB, s readmodel.Store, name, owner string, ttl time.Duration) readmodel.Lease {
	t.Helper()
	lease, ok, err := s.Acquire(t.Context(), name, owner, ttl)
	if err != nil || !ok {
		t.Fatalf("Acquire(%s, %s) = %v, %v; want the lease", name, owner, ok, err)
	}
	return lease
}

// advances moves every checkpoint by n positions.
func (b *testBundle) advances(n int) []readmodel.Advance {
	advances := make([]readmodel.Advance, len(b.at))
	for i, at := range b.at {
		advances[i] = readmodel.Advance{Checkpoint: at, To: at.Position + events.Position(n)}
	}
	return advances
}

// commit commits the rows one position further, to a later revision.
func (b *testBundle) commit(t testing.TB, rows *readmodel.Rows) {
	t.Helper()
	advances := b.advances(1)
	revision, err := b.store.Commit(t.Context(), b.lease, advances, rows)
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if revision.Compare(b.revision) <= 0 {
		t.Errorf("Commit made revision %+v after %+v", revision, b.revision)
	}
	b.revision = revision
	b.moved(advances)
}

func (b *testBundle) moved(advances []readmodel.Advance) {
	for i, a := range advances {
		b.at[i] = a.Moved()
	}
}

// load returns those of the rows' keys that are stored.
func (b *testBundle) load(t testing.TB, rows *readmodel.Rows) *readmodel.Rows {
	t.Helper()
	stored, err := b.store.Load(t.Context(), b.at, keysOf(rows))
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return stored
}

// unchanged fails the test unless the store has the bundle's checkpoints and, among the
// rows with the keys of all, these rows.
func (b *testBundle) unchanged(t testing.TB, stored, all *readmodel.Rows) {
	t.Helper()
	if d := diff(stored, b.load(t, all)); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	if d := diff(b.at, register(t, b.store, tables()...)); d != "" {
		t.Errorf("checkpoints (-want +got):\n%s", d)
	}
}

// Diff returns how rows differ, and nothing where they are the same.
func Diff(want, got *readmodel.Rows) string { return diff(want, got) }

// diff compares times with their location: a time that is not in UTC would make another key
// of a row. It calls cmp only where something differs: on thousands of rows cmp takes longer than
// the store.
func diff(want, got any) string {
	if rows, ok := want.(*readmodel.Rows); ok {
		want, got = ByTable(rows), ByTable(got.(*readmodel.Rows))
	}
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) && a.Location() == b.Location() }))
}

// eventually calls condition until it is true.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for !condition() {
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
