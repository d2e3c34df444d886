package segments_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/events/segments"
)

func TestTender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reads, makes, failures int
		var fail error
		due := events.Position(100)
		tender := &segments.Tender{
			Size: segments.Size,
			Read: func(context.Context) (*segments.Known, error) { reads++; return new(segments.Known), fail },
			Make: func(_ context.Context, k *segments.Known) (*segments.Known, events.Position, error) {
				makes++
				return k, due, fail
			},
			Failed: func(context.Context, error) { failures++ },
		}
		tender.Start(t.Context())
		defer tender.Close()
		want := func(step string, r, m, f int) {
			t.Helper()
			synctest.Wait()
			if got := []int{reads, makes, failures}; !cmp.Equal(got, []int{r, m, f}) {
				t.Errorf("%s: %v reads, makes and failures, want %v", step, got, []int{r, m, f})
			}
		}
		if tender.Known(t.Context(), 999) != nil {
			t.Error("a process that appends some has filters")
		}
		tender.Grown(999)
		want("some events", 0, 0, 0)
		known := tender.Known(t.Context(), 1)
		want("more", 1, 0, 0)
		due = 2000
		tender.Grown(1000)
		want("the first work", 1, 1, 0)
		tender.Grown(1999)
		want("before it is due", 1, 1, 0)
		fail = errors.New("no database")
		tender.Grown(2000)
		want("due", 1, 2, 1)
		tender.Grown(2001)
		want("soon after a failure", 1, 2, 1)
		if tender.Known(t.Context(), 1) != known {
			t.Error("the filters are lost")
		}
		tender.Forget(new(segments.Known))
		tender.Forget(known)
		if tender.Known(t.Context(), 1) != nil {
			t.Error("the filters of another log are known")
		}
		want("soon after a failure, of another log", 1, 2, 1)
		fail = nil
		time.Sleep(10 * time.Second)
		if tender.Known(t.Context(), 1) == nil {
			t.Error("the filters are not read again")
		}
		tender.Grown(1)
		want("later", 2, 3, 1)
	})
}

func TestKnown(t *testing.T) {
	t.Parallel()
	mark := func(p events.Position) events.Mark { return events.Mark{Position: p, Link: events.Link{byte(p)}} }
	r := func(first, last events.Position) segments.Range { return segments.Range{First: first, Last: last} }
	now, former := segments.Renaming{1}, segments.Renaming{2}
	none, known := new(segments.Known), &segments.Known{Renaming: now}
	known.Add(segments.NewFilter(r(1, 10)), mark(12))
	known.Add(segments.NewFilter(r(11, 20)), mark(20))
	link := mark(20).Link
	if known.At() != 20 || !known.Of(link[:], now) || known.Of(link[:], former) || known.Of(nil, now) || known.Of(make([]byte, len(link)), now) {
		t.Error("the filters are of another log")
	}
	if !none.Of(nil, segments.Renaming{}) || (*segments.Known)(nil).At() != 0 || (*segments.Known)(nil).Filters() != nil {
		t.Error("no filters are of some log")
	}
	if known.Filter(r(1, 10), mark(12), now) == nil || known.Filter(r(1, 10), mark(12), former) != nil ||
		known.Filter(r(1, 10), mark(11), now) != nil || known.Filter(r(1, 20), mark(12), now) != nil {
		t.Error("a filter is that of another range, mark or renaming")
	}
	for _, c := range []struct {
		head  events.Position
		parts []segments.Range
		next  events.Position
	}{
		{19, nil, 20},
		{20, nil, 27},
		{27, []segments.Range{r(21, 27)}, 30},
		{35, []segments.Range{r(21, 27), r(28, 30)}, 40},
		{60, []segments.Range{r(21, 27), r(28, 30), r(31, 40)}, 70},
	} {
		parts, next := known.Missing([]segments.Range{r(1, 27), r(28, 30), r(31, 40)}, c.head, 10)
		if !cmp.Equal(parts, c.parts) || next != c.next {
			t.Errorf("at %d %v are missing, and %d is next; want %v, %d", c.head, parts, next, c.parts, c.next)
		}
	}
}
