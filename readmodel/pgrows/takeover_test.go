package pgrows_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events/eventstest/services"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
)

// A process that takes a lease must not start while a commit under it is in flight.
func TestTakeOverWaitsForTheCommitInFlight(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := services.Database(t)
	store, err := pgrows.Open(ctx, url, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close) // after the connections below, on which it may have to wait
	at, err := store.Register(ctx, []readmodel.Checkpoint{{Projection: readmodel.CampaignStatsTable().Name, Version: 1}})
	if err != nil {
		t.Fatal(err)
	}
	lease, _, err := store.Acquire(ctx, "projections", "process-1", -time.Second) // expired at once
	if err != nil {
		t.Fatal(err)
	}
	rows := readmodel.NewRows(projections.Tables(projections.All())...)
	rows.Campaign("evt-1")

	// A lock on its table stops the commit halfway.
	blocker := connect(t, url)
	lock, err := blocker.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(ctx, `LOCK TABLE jangbu_rows.event_stats`); err != nil {
		t.Fatal(err)
	}
	watcher := connect(t, url)
	committed := make(chan error, 1)
	go func() {
		_, err := store.Commit(ctx, lease, []readmodel.Advance{{Checkpoint: at[0], To: 1}}, rows)
		committed <- err
	}()
	waitForWaiting(t, watcher, 1)
	taken := make(chan readmodel.Lease, 1)
	go func() {
		lease, _, err := store.Acquire(ctx, "projections", "process-2", time.Hour)
		if err != nil {
			t.Error(err)
		}
		taken <- lease
	}()
	waitForWaiting(t, watcher, 2)
	if err := lock.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-committed; err != nil {
		t.Errorf("Commit: %v", err)
	}
	if got := <-taken; got.Epoch != lease.Epoch+1 {
		t.Errorf("took over with epoch %d, want %d", got.Epoch, lease.Epoch+1)
	}
}

// waitForWaiting waits until so many sessions of the database wait for a lock.
func waitForWaiting(t *testing.T, conn *pgx.Conn, want int) {
	t.Helper()
	const waiting = `
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'`
	deadline := time.Now().Add(10 * time.Second)
	for ; ; time.Sleep(5 * time.Millisecond) {
		var got int
		if err := conn.QueryRow(t.Context(), waiting).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions wait for a lock, want %d", got, want)
		}
	}
}
