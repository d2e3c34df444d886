package commit_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/events/commit"
	"jangbu/events/sqlitelog"
)

func reading(topic string, first, next int64, drafts int) events.Reading {
	return events.Reading{Source: events.Source{Topic: topic}, First: first, Next: next, To: drafts}
}

// An earlier append of a source may yet be refused, and is to be known before the next one.
func TestATransactionHoldsOneAppendOfASource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newGatedLog()
		a := commit.New(log, commit.Options{})
		defer a.Close()
		var waits []func() (events.Receipt, error)
		begin := func(topic string, number int) {
			waits = append(waits, a.Begin(t.Context(), numbered(number, 1), reading(topic, 0, int64(number), 1)))
			synctest.Wait()
		}
		begin("a", 10)
		for n := range 3 {
			begin("a", 11+n)
			begin("b", 21+n)
		}
		begin("c", 31)
		for range 4 {
			log.gate <- nil
			synctest.Wait()
		}
		if diff := cmp.Diff([][]uint64{{10}, {11, 21, 31}, {12, 22}, {13, 23}}, log.transactions); diff != "" {
			t.Errorf("transactions (-want +got):\n%s", diff)
		}
		for _, wait := range waits {
			if _, err := wait(); err != nil {
				t.Error(err)
			}
		}
	})
}

// startedLog says when an append begins, and then waits until it may go on.
type startedLog struct {
	*sqlitelog.Log
	started, gate chan struct{}
}

func (l startedLog) Append(ctx context.Context, drafts []events.Draft, read ...events.Reading) (events.Receipt, error) {
	l.started <- struct{}{}
	<-l.gate
	return l.Log.Append(ctx, drafts, read...)
}

// What follows an append that failed, or of which a draft was refused, fails too. It takes no other
// with it.
func TestALogBehindASourceRefusesThatSourceAlone(t *testing.T) {
	t.Parallel()
	sqlite, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sqlite.Close() })
	if _, err := sqlite.Append(t.Context(), []events.Draft{draftOf(t, "known", "서울")}); err != nil {
		t.Fatal(err)
	}
	log := startedLog{sqlite, make(chan struct{}, 10), make(chan struct{})}
	a := commit.New(log, commit.Options{})
	defer a.Close()
	begin := func(topic string, first int64, participant, region string) func() (events.Receipt, error) {
		return a.Begin(t.Context(), []events.Draft{draftOf(t, participant, region)}, reading(topic, first, first+1, 1))
	}
	refused := begin("a", 0, "known", "부산")
	<-log.started // the others come meanwhile
	follows := begin("a", 1, "p-1", "서울")
	gap := begin("b", 7, "p-2", "서울")
	others := []func() (events.Receipt, error){begin("c", 0, "p-3", "서울"), begin("d", 0, "p-4", "서울")}
	close(log.gate)
	if receipt, err := refused(); err != nil || receipt.Outcomes[0] != events.Conflict {
		t.Errorf("the conflict has %v, %v", receipt.Outcomes, err)
	}
	for i, wait := range []func() (events.Receipt, error){follows, gap} {
		var behind *events.BehindError
		if _, err := wait(); !errors.As(err, &behind) || !errors.Is(err, events.ErrBehind) || behind.Topic != []string{"a", "b"}[i] {
			t.Errorf("append %d behind its source: %v", i, err)
		}
	}
	for _, wait := range others {
		if receipt, err := wait(); err != nil || receipt.Outcomes[0] != events.Appended {
			t.Errorf("an append of another source has %v, %v", receipt.Outcomes, err)
		}
	}
	if n := len(log.started); n != 3 { // with both, with one of them, with neither
		t.Errorf("the others took %d transactions", n)
	}
}

// overtakenLog has read one source, and lets a transaction of few drafts wait at its door.
type overtakenLog struct {
	door chan struct{}
	read int64
	took []int
}

func (l *overtakenLog) Append(_ context.Context, drafts []events.Draft, read ...events.Reading) (events.Receipt, error) {
	if len(drafts) < commit.MaxDrafts/2 {
		<-l.door
	}
	l.took = append(l.took, len(drafts))
	for _, r := range read {
		if r.First != l.read {
			return events.Receipt{}, &events.BehindError{Reading: r, Read: l.read}
		}
		l.read = r.Next
	}
	return events.Receipt{Outcomes: wanted(drafts)}, nil
}

// A transaction that is at the log before the one that was begun before it waits for that.
func TestATransactionThatOvertakesIsWrittenAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &overtakenLog{door: make(chan struct{})}
		a := commit.New(log, commit.Options{})
		defer a.Close()
		const n = commit.MaxDrafts / 2
		first := a.Begin(t.Context(), numbered(0, 1), reading("a", 0, 1, 1))
		synctest.Wait()
		second := a.Begin(t.Context(), numbered(1, n), reading("a", 1, n, n))
		synctest.Wait()
		close(log.door)
		for _, wait := range []func() (events.Receipt, error){first, second} {
			if _, err := wait(); err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff([]int{n, 1, n}, log.took); diff != "" {
			t.Errorf("the log was given transactions of (-want +got):\n%s", diff)
		}
	})
}
