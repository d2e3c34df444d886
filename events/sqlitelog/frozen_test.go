//go:build unix

package sqlitelog_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/sqlitelog"
)

func TestMain(m *testing.M) {
	if services.Second(appendForEver) {
		return
	}
	os.Exit(m.Run())
}

// frozenBatch is the number of events in an append of the process that is frozen.
const frozenBatch = 2_000

// appendForEver appends until its standard input ends, every batch again until it succeeds,
// and writes how many did.
func appendForEver(path string) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	log, err := sqlitelog.Open(ctx, path, sqlitelog.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer func() { _ = log.Close() }()
	fmt.Println("ready")
	done := 0
	for ctx.Err() == nil {
		if _, err := log.Append(ctx, numbered("frozen", done*frozenBatch, frozenBatch)); err == nil {
			done++
		}
	}
	fmt.Println(done)
}

// numbered returns n registrations of the campaign, numbered from the first.
func numbered(c events.Campaign, from, n int) []events.Draft {
	drafts := make([]events.Draft, n)
	for i := range drafts {
		id := events.ID{}
		copy(id[:], fmt.Sprintf("%s%08d", c, from+i))
		e := &events.ParticipantRegistered{Campaign: c, Participant: strconv.Itoa(from + i)}
		drafts[i] = events.Draft{ID: id, Digest: events.DigestOf(e), OccurredAt: time.Unix(int64(from+i), 0).UTC(), Event: e}
	}
	return drafts
}

// TestFrozenWriter freezes a process that holds the file's write lock. The lock is the
// operating system's and cannot be taken away: another process' append fails once its
// busy timeout has passed, and nothing is lost or written twice when both go on.
func TestFrozenWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	other := open(t, path)
	probe, err := sql.Open("sqlite", path) // without a busy timeout
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = probe.Close() }()
	probe.SetMaxOpenConns(1)
	free := func() bool {
		_, err := probe.ExecContext(t.Context(), `BEGIN IMMEDIATE`)
		if err == nil {
			_, err = probe.ExecContext(t.Context(), `ROLLBACK`)
		}
		return err == nil
	}
	process := services.StartSecond(t, path)
	process.Line(t)
	for deadline := time.Now().Add(30 * time.Second); ; process.Thaw(t) {
		process.Freeze(t)
		if !free() {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the process was never frozen with the lock")
		}
	}
	start := time.Now()
	if _, err := other.Append(t.Context(), numbered("other", 0, 10)); err == nil {
		t.Error("an append succeeded while another process held the lock")
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("an append beside a frozen process failed after %v", took)
	}
	if _, err := other.Read(t.Context(), 0, 10); err != nil {
		t.Errorf("a read beside a frozen process: %v", err)
	}
	process.Thaw(t)
	for deadline := time.Now().Add(time.Minute); ; {
		_, err := other.Append(t.Context(), numbered("other", 0, 10))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	lines := process.End(t)
	done, err := strconv.Atoi(lines[0])
	if err != nil {
		t.Fatal(err)
	}
	// The last append may have been committed although its context had ended.
	totals, err := other.Totals(t.Context())
	if written := int(totals.Head) - 10; err != nil || written != done*frozenBatch && written != (done+1)*frozenBatch {
		t.Errorf("Totals: %+v, %v, want %d batches of %d and 10 events", totals, err, done, frozenBatch)
	}
}
