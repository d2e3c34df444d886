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
		const size = 4000
		var reads, failures int
		var fail error
		head := events.Position(1000)
		all := []segments.Range{{First: 1, Last: size}}
		var filters []*segments.Filter
		tender := &segments.Tender{
			Size: size,
			Read: func(context.Context, *segments.Known) (*segments.Known, events.Position, error) {
				reads++
				known := new(segments.Known)
				for _, f := range filters {
					known.Add(f, events.Mark{Position: f.Last})
				}
				return known, head, fail
			},
			List: func(context.Context) ([]segments.Range, error) { return all, nil },
			Add:  func(_ context.Context, r segments.Range) error { all = append(all, r); return nil },
			Make: func(_ context.Context, of, part segments.Range) error {
				if of != all[len(filters)] || part != of {
					t.Errorf("a filter of %v is made of %v", part, of)
				}
				filters = append(filters, segments.NewFilter(part))
				return nil
			},
			Failed: func(context.Context, error) { failures++ },
		}
		tender.Start(t.Context())
		defer tender.Close()
		want := func(step string, w ...int) {
			t.Helper()
			synctest.Wait()
			if got := []int{reads, len(all), len(filters), failures}; !cmp.Equal(got, w) {
				t.Errorf("%s: %v reads, segments, filters and failures, want %v", step, got, w)
			}
		}
		grown := func(to events.Position) {
			head = to
			tender.Grown(to)
		}
		if tender.Known(t.Context(), 999) != nil {
			t.Error("a process that appends some has filters")
		}
		grown(999)
		want("some events", 0, 1, 0, 0)
		tender.Known(t.Context(), 1)
		want("more", 1, 1, 0, 0)
		grown(1000)
		want("nothing is full", 2, 1, 0, 0)
		grown(1999)
		want("before it is half full", 2, 1, 0, 0)
		grown(2000)
		want("half full", 3, 2, 0, 0)
		grown(3999)
		want("before it is full", 3, 2, 0, 0)
		known := tender.Known(t.Context(), 1)
		fail = errors.New("no database")
		grown(4000)
		want("full", 4, 2, 0, 1)
		grown(4001)
		want("soon after a failure", 4, 2, 0, 1)
		if tender.Known(t.Context(), 1) != known {
			t.Error("the filters are lost")
		}
		tender.Forget(new(segments.Known))
		tender.Forget(known)
		if tender.Known(t.Context(), 1) != nil {
			t.Error("the filters of another log are known")
		}
		want("soon after a failure, of another log", 4, 2, 0, 1)
		fail = nil
		time.Sleep(10 * time.Second)
		if tender.Known(t.Context(), 1) == nil {
			t.Error("the filters are not read again")
		}
		grown(6000)
		want("later", 7, 3, 1, 1)
		if n := len(tender.Known(t.Context(), 1).Filters()); n != 1 {
			t.Errorf("%d filters are known", n)
		}
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
