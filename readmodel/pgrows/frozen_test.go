//go:build unix

package pgrows_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"jangbu/events/eventstest/services"
	"jangbu/events/postgres"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
)

func TestMain(m *testing.M) {
	if services.Second(fillForEver) {
		return
	}
	os.Exit(m.Run())
}

// frozenRows is the number of rows in a fill of the process that is frozen.
const frozenRows = 10_000

// frozenTTL is that of the lease, which expires while its holder is frozen.
const frozenTTL = 200 * time.Millisecond

// fillForEver fills generations under the lease until its standard input ends, and writes
// how many fills succeeded and how many failed.
func fillForEver(url string) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	store, err := pgrows.Open(ctx, url, projections.Tables(projections.All()), pgrows.Options{Limits: freezeLimits()})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer store.Close()
	fmt.Println("ready")
	done, failed, fenced := 0, 0, 0
	for ctx.Err() == nil {
		switch err := fillOnce(ctx, store); {
		case errors.Is(err, errNotHeld):
		case err == nil:
			done++
		case errors.Is(err, readmodel.ErrFenced):
			fenced++
		default:
			failed++
		}
	}
	fmt.Println(done, "filled,", fenced, "fenced,", failed, "failed")
}

var errNotHeld = errors.New("another process holds the lease")

func fillOnce(ctx context.Context, store *pgrows.Store) error {
	lease, ok, err := store.Acquire(ctx, "projections", "frozen", frozenTTL)
	if err == nil && !ok {
		err = errNotHeld
	}
	if err != nil {
		return err
	}
	hours := readmodel.ParticipationHourlyTable().Name
	begun, err := store.Begin(ctx, lease, []readmodel.Checkpoint{{Projection: hours, Version: 1}})
	if err != nil {
		return err
	}
	rows := readmodel.NewRows(projections.Tables(projections.All())...)
	for i := range frozenRows {
		rows.Hour(readmodel.HourKey{Campaign: "evt-1", Hour: time.Unix(int64(i)*3600, 0).UTC()}).Participants = 1
	}
	between := func() { _, _, _ = store.Acquire(ctx, "projections", "frozen", frozenTTL) } // as its keeper renews it
	if err := store.Fill(ctx, lease, []readmodel.Advance{{Checkpoint: begun[0], To: 1}}, rows, between); err != nil {
		return err
	}
	return store.Prune(ctx, lease, between)
}

// randomFreezes returns how many freezes at random moments are asked for, at the limits of
// production; 0: a few within a COPY, at shorter ones.
func randomFreezes() int {
	n, _ := strconv.Atoi(os.Getenv("JANGBU_TEST_FREEZES"))
	return n
}

func freezeLimits() postgres.Limits {
	if randomFreezes() > 0 {
		return postgres.Limits{}
	}
	return postgres.Limits{Silence: 500 * time.Millisecond}
}

// TestFrozenFill freezes a process that fills generations. Another one gets its lease
// within a bounded time, and the frozen process writes no row under the lost lease once it
// goes on (I5, I6).
func TestFrozenFill(t *testing.T) {
	t.Parallel()
	freezes, most := 5, 5*time.Second
	random := randomFreezes()
	if random > 0 {
		freezes, most = random, 15*time.Second
	}
	url := services.Database(t)
	store, err := pgrows.Open(t.Context(), url, projections.Tables(projections.All()), pgrows.Options{Limits: freezeLimits()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	lead(t, store)
	conn := connect(t, url)
	if _, err := conn.Exec(t.Context(), `UPDATE jangbu_rows.leases SET expires_at = clock_timestamp()`); err != nil {
		t.Fatal(err)
	}
	process := services.StartSecond(t, url)
	process.Line(t)

	var longest time.Duration
	waited := 0
	for range freezes {
		if random > 0 {
			select {
			case <-time.After(time.Duration(rand.Int64N(int64(300 * time.Millisecond)))):
			case <-t.Context().Done():
			}
			process.Freeze(t)
		} else {
			process.FreezeInCopy(t, conn)
		}
		start := time.Now()
		lease := takeOver(t, store)
		took := time.Since(start)
		longest = max(longest, took)
		if took > most {
			t.Errorf("the lease of a frozen process was taken after %v", took)
		}
		if took > 2*frozenTTL {
			waited++
		}
		before := generationsOf(t, conn)
		process.Thaw(t)
		// Whatever the process does next, it does before it has asked for the lease again.
		awaitAsking(t, conn)
		if d := cmp.Diff(before, generationsOf(t, conn)); d != "" {
			t.Errorf("a process that lost its lease wrote (-before +after):\n%s", d)
		}
		if err := store.Release(t.Context(), lease); err != nil {
			t.Fatal(err)
		}
	}
	lines := process.End(t)
	t.Logf("%d freezes, %d of which others waited for, at most %v; the frozen process: %s", freezes, waited, longest, strings.Join(lines, " "))
}

// takeOver acquires the lease once it has expired.
func takeOver(t *testing.T, store *pgrows.Store) readmodel.Lease {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		lease, ok, err := store.Acquire(t.Context(), "projections", "other", time.Hour)
		switch {
		case err != nil:
			t.Fatal(err)
		case ok:
			return lease
		case time.Now().After(deadline):
			t.Fatal("the lease was never free")
		}
	}
}

// generationsOf returns the checkpoint and the number of rows of each generation.
func generationsOf(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	const generations = `
SELECT format('%s %s: %s', g.generation, g.position, (SELECT count(*) FROM jangbu_rows.participation_hourly AS h WHERE h.generation = g.generation))
FROM jangbu_rows.generations AS g
ORDER BY g.projection, g.generation`
	rows, err := conn.Query(t.Context(), generations)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// awaitAsking waits until the frozen process asks for the lease again, and again, in vain.
func awaitAsking(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	const asked = `
SELECT coalesce(max(query_start), '-infinity')::text
FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE '%INTO jangbu_rows.leases%' AND pid <> pg_backend_pid()`
	// A fill asks before each write, which is refused: after three times there was one.
	last, times := "", 0
	for deadline := time.Now().Add(time.Minute); ; {
		var now string
		if err := conn.QueryRow(t.Context(), asked).Scan(&now); err != nil {
			t.Fatal(err)
		}
		if now != last {
			last, times = now, times+1
		}
		if times > 3 { // the first is what was seen at the beginning
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the process never went on")
		}
	}
}
