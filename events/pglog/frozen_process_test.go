//go:build unix

package pglog_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
	"jangbu/events/postgres"
)

func TestMain(m *testing.M) {
	if services.Second(appendForEver) {
		return
	}
	os.Exit(m.Run())
}

// frozenBatch is the number of events in an append of the process that is frozen.
const frozenBatch = 5_000

// appendForEver appends until its standard input ends, every batch again until it succeeds,
// and writes how many did.
func appendForEver(url string) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	log, err := pglog.Open(ctx, url, pglog.Options{Limits: freezeLimits()})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer log.Close()
	fmt.Println("ready")
	done, failed := 0, 0
	for ctx.Err() == nil {
		if _, err := log.Append(ctx, drafts("frozen", done*frozenBatch, frozenBatch)); err != nil {
			failed++
			continue
		}
		done++
	}
	fmt.Println(done)
	fmt.Println(failed)
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

// TestFrozenWriters freezes a process that appends without a pause. Appends of another one
// wait for a bounded time, and once the frozen process goes on, nothing is written
// twice or lost (I1, I5).
func TestFrozenWriters(t *testing.T) {
	t.Parallel()
	freezes, most := 5, 5*time.Second
	random := randomFreezes()
	if random > 0 {
		freezes, most = random, 15*time.Second
	}
	url := services.Database(t)
	other := openWith(t, url, pglog.Options{Limits: freezeLimits()})
	conn := connect(t, url)
	process := services.StartSecond(t, url)
	process.Line(t)
	if _, err := other.Wait(t.Context(), 0); err != nil { // the process has written a batch
		t.Fatal(err)
	}

	var longest time.Duration
	var waited int
	for i := range freezes {
		if random > 0 {
			await(t, time.Duration(rand.Int64N(int64(300*time.Millisecond))))
			process.Freeze(t)
		} else {
			process.FreezeInCopy(t, conn)
		}
		start := time.Now()
		if _, err := other.Append(t.Context(), drafts("other", i*10, 10)); err != nil {
			t.Errorf("append beside a frozen writer: %v", err)
		}
		took := time.Since(start)
		longest = max(longest, took)
		if took > most {
			t.Errorf("an append beside a frozen writer took %v", took)
		}
		if took > time.Second/4 {
			waited++
		}
		process.Thaw(t)
	}
	lines := process.End(t)
	t.Logf("%d freezes, %d of which others waited for, at most %v; the frozen process' batches and failures: %v", freezes, waited, longest, lines)
	if len(lines) != 2 {
		t.Fatalf("the process wrote %q", lines)
	}
	done, err := strconv.Atoi(lines[0])
	if err != nil || done == 0 {
		t.Fatalf("the process wrote %q", lines)
	}
	checkFrozen(t, other, done, freezes*10)
}

// checkFrozen checks that the log holds every batch of the frozen process that succeeded
// once, the next one once or not at all, and the others' events.
func checkFrozen(t *testing.T, log *pglog.Log, done, others int) {
	t.Helper()
	seen := make(map[events.Campaign]map[events.ID]int)
	head := events.Position(0)
	for {
		read, err := log.Read(t.Context(), head, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(read) == 0 {
			break
		}
		for _, e := range read {
			c := e.Event.Subject()
			if seen[c] == nil {
				seen[c] = make(map[events.ID]int)
			}
			seen[c][e.ID]++
		}
		head = read[len(read)-1].Position
	}
	frozen, written := 0, 0
	for c, ids := range seen {
		for _, n := range ids {
			written += n
			if n > 1 {
				t.Errorf("an event of %s was written %d times", c, n)
			}
		}
	}
	frozen = written - others
	if frozen != done*frozenBatch && frozen != (done+1)*frozenBatch {
		t.Errorf("the log holds %d events of the frozen process, which wrote %d batches of %d", frozen, done, frozenBatch)
	}
	totals, err := log.Totals(t.Context())
	if err != nil || int(totals.Head) != written || totals.Received != int64(written)+totals.Duplicates {
		t.Errorf("Totals: %+v, %v, want %d events", totals, err, written)
	}
	if err := checkChain(t.Context(), log, totals.Head); err != nil {
		t.Error(err)
	}
}

// checkChain recomputes the chain up to the head.
func checkChain(ctx context.Context, log *pglog.Log, head events.Position) error {
	var link events.Link
	for at := events.Position(0); at < head; {
		read, err := log.Read(ctx, at, 10_000)
		if err != nil {
			return err
		}
		for _, e := range read {
			link, at = link.Next(e.Digest), e.Position
		}
	}
	stored, ok, err := log.Chain().Link(ctx, head)
	if err == nil && (!ok || stored != link) {
		err = fmt.Errorf("the chain ends with %x, want %x", stored, link)
	}
	return err
}

// await waits for a random moment.
func await(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
