package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/sqlitelog"
	"jangbu/events/synthetic"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/sqliterows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openLog(t testing.TB) *sqlitelog.Log {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

func openRows(t testing.TB) *sqliterows.Store {
	t.Helper()
	rows, err := sqliterows.Open(t.Context(), filepath.Join(t.TempDir(), "rows.db"), projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rows.Close() })
	return rows
}

func openPgRows(t testing.TB, url string) *pgrows.Store {
	t.Helper()
	rows, err := pgrows.Open(t.Context(), url, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rows.Close)
	return rows
}

// drafts are the events of n seeded registrations, duplicates among them, with
// those of their campaigns in front or behind.
func drafts(t *testing.T, seed uint64, n int) []events.Draft {
	t.Helper()
	topics := make(map[events.Type]string)
	types := make(map[string]events.Type)
	for _, typ := range events.Types() {
		topics[typ], types[typ.String()] = typ.String(), typ
	}
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	g, err := synthetic.New(synthetic.Config{
		Seed: seed, Campaigns: 7, Start: start, Topics: topics, Interval: time.Minute, DuplicateShare: 0.1, MalformedShare: 0.05,
	})
	if err != nil {
		t.Fatal(err)
	}
	records := g.Campaigns()[:4]
	for i := range n {
		records = append(records, g.Next())
		if i%50 == 25 {
			records = append(records, g.Stats(start.Add(time.Duration(i)*time.Minute))...)
		}
	}
	records = append(append(records, g.Distributions()...), g.Campaigns()[4:]...)
	var all []events.Draft
	for _, record := range records {
		if d, err := events.Decode(types[record.Topic], record, record.Timestamp); err == nil {
			all = append(all, d.Draft)
		}
	}
	return all
}

func config(log events.Log, rows readmodel.Store, owner string, batch int, ps []projections.Projection) runner.Config {
	return runner.Config{
		Log: log, Rows: rows, Projections: ps, Owner: owner,
		Logger: slog.New(slog.DiscardHandler), LeaseTTL: time.Second, Batch: batch,
	}
}

// start runs a runner until the returned function is called, which returns what
// Run returned.
func start(t *testing.T, log events.Log, rows readmodel.Store, owner string, batch int, ps []projections.Projection) (r *runner.Runner, stop func() error) {
	t.Helper()
	return run(t, config(log, rows, owner, batch, ps))
}

// run runs a runner until the returned function is called, which returns what Run returned.
func run(t *testing.T, cfg runner.Config) (r *runner.Runner, stop func() error) {
	t.Helper()
	r, err := runner.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r, runs(t, r)
}

// runs has the runner run until the returned function is called.
func runs(t *testing.T, r *runner.Runner) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

// waitFor waits until every checkpoint of the runner is at the position.
func waitFor(t *testing.T, r *runner.Runner, head events.Position) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for {
		status, there := r.Status(), true
		for _, at := range status.Checkpoints {
			there = there && at.Position == head
		}
		if there && len(status.Checkpoints) > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not at %d: %+v", head, r.Status())
		}
	}
}

func appendAll(t *testing.T, log *sqlitelog.Log, all []events.Draft, chunk int) events.Position {
	t.Helper()
	for len(all) > 0 {
		n := min(chunk, len(all))
		if _, err := log.Append(t.Context(), all[:n]); err != nil {
			t.Fatal(err)
		}
		all = all[n:]
	}
	totals, err := log.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return totals.Head
}

// inMemory folds the whole log at once.
func inMemory(t *testing.T, log events.Log, head events.Position) *readmodel.Rows {
	t.Helper()
	all, err := log.Read(t.Context(), 0, int(head))
	if err != nil || len(all) != int(head) {
		t.Fatalf("read %d of %d: %v", len(all), head, err)
	}
	rows := readmodel.NewRows(projections.Tables(projections.All())...)
	projections.Fold(rows, projections.All(), all)
	return rows
}

// compare compares every campaign's dashboard in the store with the fold, byte by byte.
func compare(t *testing.T, name string, folded *readmodel.Rows, served readmodel.Reader) {
	t.Helper()
	view := dashboard.View{Now: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), Location: time.FixedZone("KST", 9*3600)}
	dashboard := func(rows readmodel.CampaignRows, err error) string {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := json.MarshalIndent(dashboard.New(rows, view), "", " ")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return string(b)
	}
	if len(folded.Campaigns()) == 0 {
		t.Fatal("nothing was folded")
	}
	for c := range folded.Campaigns() {
		if diff := cmp.Diff(dashboard(folded.Of(c), nil), dashboard(served.Campaign(t.Context(), c, readmodel.Everything()))); diff != "" {
			t.Errorf("%s: dashboard of %s (-fold +rows):\n%s", name, c, diff)
		}
	}
}

// TestRowsEqualTheFold is I6: the same stream gives byte-equal dashboards from
// SQLite rows, from PostgreSQL rows and from a fold in memory, however it is cut.
func TestRowsEqualTheFold(t *testing.T) {
	t.Parallel()
	pg := openPgRows(t, services.Database(t))
	for seed, batch := range map[uint64]int{1: 1000, 2: 37, 3: 5} {
		log, lite := openLog(t), openRows(t)
		all := drafts(t, seed, 600)
		onLite, stopLite := start(t, log, lite, "sqlite", batch, projections.All())
		head := appendAll(t, log, all, 90) // while it is being followed
		waitFor(t, onLite, head)
		folded := inMemory(t, log, head)
		compare(t, fmt.Sprintf("sqlite, seed %d", seed), folded, lite)
		if err := stopLite(); err != nil {
			t.Fatal(err)
		}
		if seed != 1 {
			continue // one log for one store of rows
		}
		onPG, stopPG := start(t, log, pg, "postgres", 64, projections.All())
		waitFor(t, onPG, head)
		compare(t, "postgres", folded, pg)
		if err := stopPG(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNewProjectionCatchesUp starts a projection from nothing beside others
// that stand at the head.
func TestNewProjectionCatchesUp(t *testing.T) {
	t.Parallel()
	log, rows := openLog(t), openRows(t)
	all := drafts(t, 4, 400)
	head := appendAll(t, log, all[:300], 300)
	r, stop := start(t, log, rows, "first", 50, projections.All()[1:])
	waitFor(t, r, head)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	r, _ = start(t, log, rows, "second", 50, projections.All())
	head = appendAll(t, log, all[300:], 10)
	waitFor(t, r, head)
	compare(t, "after catching up", inMemory(t, log, head), rows)
}

// TestOneLeads runs two runners on one store: one folds, the other takes over
// when the first one goes, and every event counts once (I1).
func TestOneLeads(t *testing.T) {
	t.Parallel()
	log, rows := openLog(t), openRows(t)
	all := drafts(t, 5, 400)
	head := appendAll(t, log, all[:200], 20)
	first, stopFirst := start(t, log, rows, "first", 50, projections.All())
	waitFor(t, first, head)
	second, _ := start(t, log, rows, "second", 50, projections.All())
	head = appendAll(t, log, all[200:300], 20)
	waitFor(t, first, head)
	if second.Status().Leading {
		t.Error("both lead")
	}
	if err := stopFirst(); err != nil {
		t.Fatal(err)
	}
	head = appendAll(t, log, all[300:], 20)
	waitFor(t, second, head)
	compare(t, "after the hand-over", inMemory(t, log, head), rows)
}

// TestStolenLease takes the lease from a leader: it is fenced, and goes on
// only once the lease is its own again.
func TestStolenLease(t *testing.T) {
	t.Parallel()
	log, rows := openLog(t), openRows(t)
	all := drafts(t, 6, 200)
	r, _ := start(t, log, rows, "victim", 50, projections.All())
	waitFor(t, r, appendAll(t, log, all[:100], 20))
	if err := rows.Release(t.Context(), readmodel.Lease{Name: runner.LeaseName, Owner: "victim", Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	thief, ok, err := rows.Acquire(t.Context(), runner.LeaseName, "thief", 200*time.Millisecond)
	if err != nil || !ok || thief.Epoch != 2 {
		t.Fatalf("acquire: %+v, %v, %v", thief, ok, err)
	}
	head := appendAll(t, log, all[100:], 20)
	waitFor(t, r, head)
	compare(t, "after the theft", inMemory(t, log, head), rows)
}
