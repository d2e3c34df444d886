package tail_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/events/sqlitelog"
	"jangbu/events/tail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched counts the reads of a log, and calls appended after each append, before it is said.
type watched struct {
	events.Log

	reads, waits atomic.Int64
	appended     func()
}

func (w *watched) Append(ctx context.Context, drafts []events.Draft, read ...events.Reading) (events.Receipt, error) {
	receipt, err := w.Log.Append(ctx, drafts, read...)
	if w.appended != nil {
		w.appended()
	}
	return receipt, err
}

func (w *watched) Read(ctx context.Context, after events.Position, limit int) ([]events.Recorded, error) {
	w.reads.Add(1)
	return w.Log.Read(ctx, after, limit)
}

func (w *watched) Wait(ctx context.Context, after events.Position) (events.Position, error) {
	w.waits.Add(1)
	return w.Log.Wait(ctx, after)
}

// open returns a watched log, and another handle of it.
func open(t *testing.T) (log, other *watched) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.db")
	both := [2]*watched{}
	for i := range both {
		l, err := sqlitelog.Open(t.Context(), path, sqlitelog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		both[i] = &watched{Log: l}
	}
	return both[0], both[1]
}

func registration(t interface{ Fatal(...any) }, n int) events.Draft {
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	d, err := events.Decode(events.TypeParticipantRegistered, events.Record{
		Timestamp: at,
		Value:     fmt.Appendf(nil, `{"participantId":"p-%d","eventId":"evt-1","phoneNumber":"010-9876-5432","region":"서울","newCustomer":true}`, n),
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	d.SetPseudonym(events.Pseudonym{1})
	return d.Draft
}

func registrations(t interface{ Fatal(...any) }, first, n int) []events.Draft {
	drafts := make([]events.Draft, n)
	for i := range drafts {
		drafts[i] = registration(t, first+i)
	}
	return drafts
}

func mustAppend(t interface{ Fatal(...any) }, log events.Log, drafts []events.Draft) {
	if _, err := log.Append(context.Background(), drafts); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t interface{ Fatal(...any) }, log events.Log, after events.Position, limit int) []events.Recorded {
	read, err := log.Read(context.Background(), after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// TestReadsAreThoseOfTheLog appends through a tail and beside it, with duplicates, and reads
// anywhere: the tail says what the log says, whatever it keeps.
func TestReadsAreThoseOfTheLog(t *testing.T) {
	t.Parallel()
	below, other := open(t)
	next := 0
	rapid.Check(t, func(rt *rapid.T) {
		log := tail.New(below, rapid.IntRange(0, 20).Draw(rt, "kept")*events.SizeOf(registration(rt, 0).Event))
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"append", "append", "append beside", "forget", "release"}).Draw(rt, "step") {
			case "append":
				n := rapid.IntRange(0, 8).Draw(rt, "new")
				drafts := append(registrations(rt, next, n), registrations(rt, max(0, next-3), min(3, next))...)
				next += n
				mustAppend(rt, log, drafts)
			case "append beside":
				mustAppend(rt, other, registrations(rt, next, 1))
				next++
			case "forget":
				log.Forget()
			case "release":
				log.Release(events.Position(max(0, next-rapid.IntRange(0, 20).Draw(rt, "not folded"))))
			}
			after := events.Position(max(0, next-rapid.IntRange(0, 40).Draw(rt, "before the end")))
			limit := rapid.IntRange(1, 50).Draw(rt, "limit")
			want, got := mustRead(rt, other, after, limit), mustRead(rt, log, after, limit)
			if len(got) == 0 && len(want) > 0 {
				rt.Fatalf("no event after %d, where the log has %d", after, len(want))
			}
			if diff := cmp.Diff(want[:min(len(want), len(got))], got); diff != "" {
				rt.Fatalf("after %d, at most %d (-log +tail):\n%s", after, limit, diff)
			}
		}
	})
}

// TestNothingIsReadBack: what was appended here is read and waited for without the log.
func TestNothingIsReadBack(t *testing.T) {
	t.Parallel()
	below, _ := open(t)
	log := tail.New(below, tail.DefaultBytes)
	mustAppend(t, log, registrations(t, 0, 10))
	mustAppend(t, log, registrations(t, 5, 10))
	for after, want := range map[events.Position]int{0: 15, 9: 6, 14: 1} {
		if read := mustRead(t, log, after, 100); len(read) != want || read[0].Position != after+1 {
			t.Errorf("%d events after %d, want %d", len(read), after, want)
		}
		if head, err := log.Wait(t.Context(), after); err != nil || head != 15 {
			t.Errorf("Wait after %d: %d, %v", after, head, err)
		}
	}
	if reads, waits := below.reads.Load(), below.waits.Load(); reads+waits > 0 {
		t.Errorf("%d reads and %d waits reached the log", reads, waits)
	}
	if read := mustRead(t, log, 15, 1); len(read) > 0 || below.reads.Load() != 1 {
		t.Errorf("after the last: %d events, %d reads", len(read), below.reads.Load())
	}
}

// TestForget: what is overwritten after an append is read overwritten once it is forgotten, also
// where the append is not yet over.
func TestForget(t *testing.T) {
	t.Parallel()
	below, other := open(t)
	log := tail.New(below, tail.DefaultBytes)
	erase := func(at events.Position) {
		if _, err := other.Erasures().Erase(t.Context(), events.Erasure{Campaign: "evt-1", Positions: []events.Position{at}, Who: "me", Why: "asked"}); err != nil {
			t.Fatal(err)
		}
		log.Forget()
	}
	mustAppend(t, log, registrations(t, 0, 2))
	erase(1)
	below.appended = func() { erase(4) }
	mustAppend(t, log, registrations(t, 2, 2))
	for _, after := range []events.Position{0, 2} { // the whole log, and what would still be in memory
		for _, r := range mustRead(t, log, after, 10) {
			if want := r.Position == 1 || r.Position == 4; r.Erased() != want {
				t.Errorf("read after %d, position %d: erased %t", after, r.Position, r.Erased())
			}
		}
	}
}

// TestBound: what is kept stays within the bound, and the last append is kept.
func TestBound(t *testing.T) {
	t.Parallel()
	below, _ := open(t)
	size := events.SizeOf(registration(t, 0).Event)
	log := tail.New(below, 100*size)
	for n := range 30 {
		mustAppend(t, log, registrations(t, 10*n, 10))
	}
	for after, inMemory := range map[events.Position]bool{299: true, 210: true, 150: false, 0: false} {
		before := below.reads.Load()
		mustRead(t, log, after, 1)
		if got := below.reads.Load() == before; got != inMemory {
			t.Errorf("after %d: in memory %t, want %t", after, got, inMemory)
		}
	}
	mustAppend(t, log, registrations(t, 1000, 200))
	before := below.reads.Load()
	if read := mustRead(t, log, 300, 1000); len(read) != 200 || below.reads.Load() != before {
		t.Errorf("%d events of the last append, %d reads", len(read), below.reads.Load()-before)
	}
}

// TestRelease: of what has been folded only the last append is kept.
func TestRelease(t *testing.T) {
	t.Parallel()
	below, _ := open(t)
	log := tail.New(below, tail.DefaultBytes)
	for n := range 3 {
		mustAppend(t, log, registrations(t, 10*n, 10))
	}
	for _, c := range []struct {
		to                events.Position
		after, readBefore events.Position // the first that is in memory, the last that is not
	}{{9, 0, -1}, {10, 10, 9}, {19, 10, 9}, {30, 20, 19}, {40, 20, 19}} {
		log.Release(c.to)
		before := below.reads.Load()
		if mustRead(t, log, c.after, 1); below.reads.Load() != before {
			t.Errorf("released to %d: %d is not in memory", c.to, c.after+1)
		}
		if c.readBefore < 0 {
			continue
		}
		if mustRead(t, log, c.readBefore, 1); below.reads.Load() == before {
			t.Errorf("released to %d: %d is in memory", c.to, c.readBefore+1)
		}
	}
	if head, err := log.Wait(t.Context(), 29); err != nil || head != 30 || below.waits.Load() > 0 {
		t.Errorf("Wait: %d, %v, %d of the log", head, err, below.waits.Load())
	}
}

// TestConcurrentUse appends, follows and forgets at once: no event is missing or twice.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	below, _ := open(t)
	log := tail.New(below, 20*events.SizeOf(registration(t, 0).Event))
	const writers, each, size = 4, 25, 3
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for n := range each {
				mustAppend(t, log, registrations(t, 10_000*w+size*n, size))
				if n%10 == w {
					log.Forget()
				}
			}
		})
	}
	running.Go(func() {
		for at := events.Position(0); at < writers*each*size; {
			if _, err := log.Wait(t.Context(), at); err != nil {
				t.Error(err)
				return
			}
			read := mustRead(t, log, at, 7)
			if err := events.CheckConsecutive(read, at, at+events.Position(len(read))); err != nil {
				t.Error(err)
				return
			}
			at += events.Position(len(read))
		}
	})
	running.Wait()
}
