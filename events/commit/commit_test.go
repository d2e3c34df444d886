package commit_test

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/events/commit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gatedLog blocks in every Append until the test releases it, so that the test decides
// the order of calls. It derives a draft's outcome from the draft itself, so that
// swapped outcomes are detected.
type gatedLog struct {
	gate chan error // one receive per transaction

	mu           sync.Mutex
	transactions [][]uint64
	ended        []error // the context's error as each transaction began to return
}

func newGatedLog() *gatedLog { return &gatedLog{gate: make(chan error)} }

func (l *gatedLog) Append(ctx context.Context, drafts []events.Draft, _ ...events.Reading) (events.Receipt, error) {
	l.mu.Lock()
	l.transactions = append(l.transactions, numbers(drafts))
	l.mu.Unlock()
	var err error
	select {
	case err = <-l.gate:
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.mu.Lock()
	l.ended = append(l.ended, ctx.Err())
	l.mu.Unlock()
	if err != nil {
		return events.Receipt{}, err
	}
	return events.Receipt{Outcomes: wanted(drafts)}, nil
}

// sizes returns how many drafts the transactions have.
func (l *gatedLog) sizes() (all []int) {
	for _, tx := range l.transactions {
		all = append(all, len(tx))
	}
	return all
}

// numbered returns n drafts with the numbers from first.
func numbered(first, n int) []events.Draft {
	drafts := make([]events.Draft, n)
	for i := range drafts {
		binary.BigEndian.PutUint64(drafts[i].ID[8:], uint64(first+i))
	}
	return drafts
}

func numbers(drafts []events.Draft) []uint64 {
	ns := make([]uint64, len(drafts))
	for i, d := range drafts {
		ns[i] = binary.BigEndian.Uint64(d.ID[8:])
	}
	return ns
}

func wanted(drafts []events.Draft) []events.Outcome {
	outcomes := make([]events.Outcome, len(drafts))
	for i, n := range numbers(drafts) {
		outcomes[i] = events.Outcome(n*2654435761>>7%3) + events.Appended
	}
	return outcomes
}

// background calls Append on a goroutine of its own.
type background struct {
	outcomes []events.Outcome
	err      error
	done     bool
}

func appendIn(ctx context.Context, a *commit.Appender, drafts []events.Draft) *background {
	b := &background{}
	go func() {
		var receipt events.Receipt
		receipt, b.err = a.Append(ctx, drafts)
		b.outcomes = receipt.Outcomes
		b.done = true
	}()
	synctest.Wait()
	return b
}

func TestNewcomersJoinTheNextTransactionInArrivalOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		var batches []commit.Batch
		a := commit.New(log, commit.Options{Observe: func(b commit.Batch) { batches = append(batches, b) }})
		defer a.Close()

		shares := [][]events.Draft{numbered(10, 2), numbered(40, 3), numbered(20, 1), {}, numbered(30, 2)}
		var calls []*background
		for _, share := range shares {
			calls = append(calls, appendIn(t.Context(), a, share))
		}
		log.gate <- nil
		log.gate <- nil
		synctest.Wait()

		want := [][]uint64{{10, 11}, {40, 41, 42, 20, 30, 31}}
		if diff := cmp.Diff(want, log.transactions); diff != "" {
			t.Errorf("transactions (-want +got):\n%s", diff)
		}
		for i, call := range calls {
			if call.err != nil || !cmp.Equal(call.outcomes, wanted(shares[i])) {
				t.Errorf("call %d got %v, %v; want %v", i, call.outcomes, call.err, wanted(shares[i]))
			}
		}
		for i := range batches {
			batches[i].Took = 0
		}
		if diff := cmp.Diff([]commit.Batch{{Drafts: 2, Callers: 1}, {Drafts: 6, Callers: 4}}, batches); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
	})
}

// One that is large is begun beside the one that is written; a smaller one grows meanwhile.
func TestALargeTransactionIsBegunBesideAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		a := commit.New(log, commit.Options{})
		defer a.Close()
		const half = commit.MaxDrafts / 2
		for _, step := range []struct {
			size  int
			begun []int // so far
		}{
			{2, []int{2}},
			{half - 3, []int{2}},
			{2, []int{2}},
			{1, []int{2, half}},
			{half, []int{2, half}}, // a third one waits
			{1, []int{2, half}},
		} {
			appendIn(t.Context(), a, numbered(0, step.size))
			if diff := cmp.Diff(step.begun, log.sizes()); diff != "" {
				t.Errorf("transactions with %d drafts more (-want +got):\n%s", step.size, diff)
			}
		}
		for range 3 {
			log.gate <- nil
			synctest.Wait()
		}
		if diff := cmp.Diff([]int{2, half, half + 1}, log.sizes()); diff != "" {
			t.Errorf("transactions (-want +got):\n%s", diff)
		}
	})
}

func TestATransactionHoldsAtMostMaxDrafts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		a := commit.New(log, commit.Options{})
		defer a.Close()

		// The first two are written as the others come.
		sizes := []int{1, commit.MaxDrafts / 2, commit.MaxDrafts - 5, 5, 1, commit.MaxDrafts + 7, 2, 3}
		for _, size := range sizes {
			appendIn(t.Context(), a, numbered(0, size))
		}
		for range 6 {
			log.gate <- nil
			synctest.Wait()
		}
		got := log.sizes()
		slices.Sort(got) // of two at once, either may be first
		if diff := cmp.Diff([]int{1, 1, 5, commit.MaxDrafts / 2, commit.MaxDrafts, commit.MaxDrafts + 7}, got); diff != "" {
			t.Errorf("sizes of transactions (-want +got):\n%s", diff)
		}
	})
}

func TestATransactionHoldsAtMostMaxBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		a := commit.New(log, commit.Options{})
		defer a.Close()

		// Of a quarter of the bound each, save for what an event occupies beside its texts.
		large := func(n int) []events.Draft {
			drafts := numbered(0, n)
			for i := range drafts {
				drafts[i].Event = &events.EventCreated{Title: strings.Repeat("가", commit.MaxBytes/4/n/3)}
			}
			return drafts
		}
		for _, drafts := range [][]events.Draft{numbered(0, 1), large(10), large(2), numbered(0, 1), large(7), large(4), large(1), large(3)} {
			appendIn(t.Context(), a, drafts)
		}
		for range 3 {
			log.gate <- nil
			synctest.Wait()
		}
		if diff := cmp.Diff([]int{1, 10 + 2 + 1 + 7, 4 + 1 + 3}, log.sizes()); diff != "" {
			t.Errorf("sizes of transactions (-want +got):\n%s", diff)
		}
	})
}

func TestAFailureReachesEverybodyInTheTransactionOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		a := commit.New(log, commit.Options{})
		defer a.Close()
		down := errors.New("down")

		first := appendIn(t.Context(), a, numbered(1, 1))
		second, third := appendIn(t.Context(), a, numbered(2, 1)), appendIn(t.Context(), a, numbered(3, 1))
		log.gate <- nil
		log.gate <- down
		synctest.Wait()

		if first.err != nil {
			t.Errorf("the first transaction's caller got %v", first.err)
		}
		if !errors.Is(second.err, down) || !errors.Is(third.err, down) {
			t.Errorf("the failed transaction's callers got %v and %v, want both %v", second.err, third.err, down)
		}
	})
}

func TestACallerThatLeavesTakesNobodyWithIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		a := commit.New(log, commit.Options{})
		defer a.Close()

		ctx, leave := context.WithCancel(t.Context())
		appendIn(t.Context(), a, numbered(1, 1))
		staying, leaving := appendIn(t.Context(), a, numbered(2, 1)), appendIn(ctx, a, numbered(3, 1))
		log.gate <- nil
		synctest.Wait()
		leave() // its drafts are in flight, together with those of another
		synctest.Wait()

		if !errors.Is(leaving.err, context.Canceled) {
			t.Errorf("the caller that left got %v, want its context's error at once", leaving.err)
		}
		if staying.done {
			t.Errorf("the caller that stayed got %v before its transaction ended", staying.err)
		}
		log.gate <- nil
		synctest.Wait()
		if staying.err != nil || !cmp.Equal(staying.outcomes, wanted(numbered(2, 1))) {
			t.Errorf("the caller that stayed got %v, %v", staying.outcomes, staying.err)
		}
	})
}

func TestACallerThatLeavesTheQueueIsNotWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		a := commit.New(log, commit.Options{})
		defer a.Close()

		ctx, leave := context.WithCancel(t.Context())
		appendIn(t.Context(), a, numbered(1, 1))
		appendIn(ctx, a, numbered(2, 1))
		appendIn(t.Context(), a, numbered(3, 1))
		leave()
		synctest.Wait()
		log.gate <- nil
		log.gate <- nil
		synctest.Wait()
		if diff := cmp.Diff([][]uint64{{1}, {3}}, log.transactions); diff != "" {
			t.Errorf("transactions (-want +got):\n%s", diff)
		}
	})
}

func TestATransactionThatNobodyWaitsForIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		a := commit.New(log, commit.Options{})

		ctx, leave := context.WithCancel(t.Context())
		appendIn(ctx, a, numbered(1, 1))
		leave()
		a.Close() // would never return: the gate stays closed
		if diff := cmp.Diff(1, len(log.ended)); diff != "" || !errors.Is(log.ended[0], context.Canceled) {
			t.Errorf("transactions ended with %v, want one cancelled", log.ended)
		}
	})
}

func TestCloseDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		a := commit.New(log, commit.Options{})

		first, second := appendIn(t.Context(), a, numbered(1, 1)), appendIn(t.Context(), a, numbered(2, 1))
		closed := false
		go func() { a.Close(); closed = true }()
		synctest.Wait()
		if closed {
			t.Error("Close returned before the queue was written")
		}
		if _, err := a.Append(t.Context(), numbered(3, 1)); !errors.Is(err, commit.ErrClosed) {
			t.Errorf("Append after Close = %v, want %v", err, commit.ErrClosed)
		}
		log.gate <- nil
		log.gate <- nil
		synctest.Wait()
		if !closed || first.err != nil || second.err != nil || !second.done {
			t.Errorf("closed = %t, calls before it got %v and %v", closed, first.err, second.err)
		}
		a.Close() // again is nothing
	})
}

func TestAnEndedContextIsNotQueued(t *testing.T) {
	t.Parallel()
	log := newGatedLog()
	a := commit.New(log, commit.Options{})
	defer a.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Append(ctx, numbered(1, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %v, want %v", err, context.Canceled)
	}
}

// shortLog returns one outcome too few.
type shortLog struct{}

func (shortLog) Append(_ context.Context, drafts []events.Draft, _ ...events.Reading) (events.Receipt, error) {
	return events.Receipt{Outcomes: make([]events.Outcome, len(drafts)-1)}, nil
}

func TestOutcomesThatDoNotAddUpAreAnError(t *testing.T) {
	t.Parallel()
	a := commit.New(shortLog{}, commit.Options{})
	defer a.Close()
	if receipt, err := a.Append(t.Context(), numbered(1, 2)); err == nil {
		t.Errorf("Append = %v, want an error", receipt)
	}
}

// openLog appends at once and records the order.
type openLog struct {
	mu  sync.Mutex
	got []uint64
}

func (l *openLog) Append(_ context.Context, drafts []events.Draft, _ ...events.Reading) (events.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, numbers(drafts)...)
	return events.Receipt{Outcomes: wanted(drafts)}, nil
}

func TestOutcomesAreOnesOwn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		callers := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 50), 1, 20), 1, 12).Draw(t, "sizes of each caller's appends")
		log := &openLog{}
		a := commit.New(log, commit.Options{})
		defer a.Close()

		var running sync.WaitGroup
		for caller, sizes := range callers {
			running.Go(func() {
				next := caller << 32
				for _, size := range sizes {
					drafts := numbered(next, size)
					next += size
					receipt, err := a.Append(context.Background(), drafts)
					if outcomes := receipt.Outcomes; err != nil || !cmp.Equal(outcomes, wanted(drafts), equateEmpty()) {
						t.Errorf("caller %d: outcomes %v, %v; want %v", caller, outcomes, err, wanted(drafts))
					}
				}
			})
		}
		running.Wait()

		// I3: each caller's drafts, all of them, in their order.
		next := make([]uint64, len(callers))
		for _, n := range log.got {
			caller := n >> 32
			if n&(1<<32-1) != next[caller] {
				t.Fatalf("caller %d: draft %d came where %d was due", caller, n&(1<<32-1), next[caller])
			}
			next[caller]++
		}
		for caller, sizes := range callers {
			sum := 0
			for _, size := range sizes {
				sum += size
			}
			if next[caller] != uint64(sum) {
				t.Errorf("caller %d: %d of %d drafts written", caller, next[caller], sum)
			}
		}
	})
}

func equateEmpty() cmp.Option {
	return cmp.FilterValues(func(a, b []events.Outcome) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
}
