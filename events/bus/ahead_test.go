package bus_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/events/bus"
	"jangbu/events/commit"
	"jangbu/events/sqlitelog"
)

// aheadLog tells of each append before it begins, and then waits for what it is to do.
type aheadLog struct {
	*sqlitelog.Log
	started chan int // drafts
	do      chan fate
}

// fate is what becomes of an append.
type fate int

const (
	done   fate = iota
	fails       // before it is written
	unsaid      // after it is written
)

func (l *aheadLog) Append(ctx context.Context, drafts []events.Draft, read ...events.Reading) (events.Receipt, error) {
	var do fate
	select {
	case l.started <- len(drafts):
		select {
		case do = <-l.do:
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return events.Receipt{}, ctx.Err()
	}
	if do == fails {
		return events.Receipt{}, errDown
	}
	receipt, err := l.Log.Append(ctx, drafts, read...)
	if err == nil && do == unsaid {
		return events.Receipt{}, errDown
	}
	return receipt, err
}

// begun is a queue that tells of each append that begins.
type begun struct {
	events.Queue
	appends chan int // drafts
}

func (q begun) Begin(ctx context.Context, drafts []events.Draft, read ...events.Reading) func() (events.Receipt, error) {
	wait := q.Queue.Begin(ctx, drafts, read...)
	q.appends <- len(drafts)
	return wait
}

func soon[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("not in time: %s", what)
	}
	panic("unreachable")
}

// TestTheNextFrameIsReadyWhileOneIsWritten: while a frame is being written, the next one of
// its partition is decoded, and no other. Whatever becomes of the first, all
// records are written once and in order (I1, I3, I5), and the log knows how far it has read.
func TestTheNextFrameIsReadyWhileOneIsWritten(t *testing.T) {
	t.Parallel()
	register := func(n int) string { return registration(fmt.Sprintf("p-%d", n), fmt.Sprintf("010-1234-%04d", n)) }
	for _, test := range []struct {
		name  string
		fate  fate   // of the first frame's first append
		value string // of its record
		dead  int    // records that become dead letters
	}{
		{"is written", done, register(0), 0},
		{"fails", fails, register(0), 0},
		{"is written, whose answer is lost", unsaid, register(0), 0},
		{"is a conflict", done, elsewhere(register(99)), 1},
		{"is a conflict and fails", fails, elsewhere(register(99)), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			log := &aheadLog{started: make(chan int), do: make(chan fate)}
			queue := begun{appends: make(chan int, 100)}
			b := setup(t, func(cfg *bus.Ingest) {
				log.Log = cfg.Log.(*sqlitelog.Log)
				group := commit.New(log, commit.Options{})
				t.Cleanup(group.Close)
				queue.Queue = group
				cfg.Appender = queue
			})
			b.send(t, register(99))
			soon(t, "the record before all", log.started)
			log.do <- done
			soon(t, "its frame", queue.appends)
			b.settled(t, 1, 0)
			b.send(t, test.value)
			soon(t, "the first frame", queue.appends)
			soon(t, "its transaction", log.started)
			b.send(t, register(2))
			soon(t, "the next frame", queue.appends)
			b.send(t, register(3))
			select {
			case n := <-queue.appends:
				t.Errorf("another frame, of %d records, came before the first was written", n)
			case <-time.After(100 * time.Millisecond):
			}
			log.do <- test.fate
			end := make(chan struct{})
			defer close(end)
			go func() {
				for {
					select {
					case <-log.started:
						log.do <- done
					case <-queue.appends:
					case <-end:
						return
					}
				}
			}()
			b.settled(t, events.Position(4-test.dead), int64(test.dead))
			const records = 4
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for deadline := time.Now().Add(patience); ; <-tick.C {
				sources, err := b.log.Sources().List(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(sources) == 1 && sources[0].Next == records {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the log has read %+v, of %d records", sources, records)
				}
			}
			recorded, err := b.log.Read(t.Context(), 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"p-99", "p-0", "p-2", "p-3"}
			if test.dead > 0 {
				want = slices.Delete(want, 1, 2)
			}
			var got []string
			for _, r := range recorded {
				got = append(got, r.Event.(*events.ParticipantRegistered).Participant)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}
