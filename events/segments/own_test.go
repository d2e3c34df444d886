package segments_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/events/segments"
)

// TestOwn: of what a process appends, the appends that follow each other up to the end of a range are a
// filter, which is of the log that has its mark.
func TestOwn(t *testing.T) {
	t.Parallel()
	link := func(p events.Position) events.Mark { return events.Mark{Position: p, Link: events.Link{byte(p)}} }
	appended := func(last segments.Renaming, after, to int) segments.Append {
		a := segments.Append{Before: link(events.Position(after)), After: link(events.Position(to)), Renaming: last}
		for n := after + 1; n <= to; n++ {
			a.Keys = append(a.Keys, key(n))
		}
		return a
	}
	now, former := segments.Renaming{1}, segments.Renaming{2}
	another := appended(now, 70, 90)
	another.Before.Link[1]++
	for _, c := range []struct {
		name    string
		appends []segments.Append
		of      segments.Range
		from    events.Position
		mark    events.Position
	}{
		{"all", []segments.Append{appended(now, 0, 40), appended(now, 40, 90), appended(now, 90, 120)}, segments.Range{First: 1, Last: 100}, 1, 120},
		{"to the end", []segments.Append{appended(now, 0, 100)}, segments.Range{First: 1, Last: 100}, 1, 100},
		{"several", []segments.Append{appended(now, 50, 350)}, segments.Range{First: 201, Last: 300}, 201, 350},
		{"from the middle", []segments.Append{appended(now, 30, 100)}, segments.Range{First: 1, Last: 100}, 31, 100},
		{"after a gap", []segments.Append{appended(now, 0, 30), appended(now, 40, 100)}, segments.Range{First: 1, Last: 100}, 41, 100},
		{"after another log", []segments.Append{appended(now, 0, 70), another, appended(now, 90, 100)}, segments.Range{First: 1, Last: 100}, 71, 100},
		{"after a renaming", []segments.Append{appended(former, 0, 30), appended(now, 30, 100)}, segments.Range{First: 1, Last: 100}, 31, 100},
		{"not to the end", []segments.Append{appended(now, 0, 99)}, segments.Range{First: 1, Last: 100}, 101, 0},
		{"of another range", []segments.Append{appended(now, 0, 100)}, segments.Range{First: 1, Last: 70}, 71, 0},
		{"before the last renaming", []segments.Append{appended(former, 0, 100)}, segments.Range{First: 1, Last: 100}, 101, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tender := &segments.Tender{
					Size: 100,
					Read: func(context.Context, *segments.Known) (*segments.Known, events.Position, error) {
						return new(segments.Known), 1 << 40, nil
					},
					List:   func(context.Context) ([]segments.Range, error) { return nil, nil },
					Failed: func(context.Context, error) {},
				}
				tender.Start(t.Context())
				defer tender.Close()
				tender.Known(t.Context(), 1000) // many
				fill := func() {
					for _, a := range c.appends {
						tender.Appended(a)
						synctest.Wait()
					}
				}
				own := func(has bool) *segments.Own {
					t.Helper()
					own, err := tender.Own(c.of, now, func(m events.Mark) (bool, error) {
						if m.Position != c.mark {
							t.Errorf("asked for the mark of %d, want %d", m.Position, c.mark)
						}
						return has, nil
					})
					if err != nil || own.Range != c.of || own.Renaming != now {
						t.Fatalf("%v, %v", own, err)
					}
					return own
				}
				fill()
				o := own(true)
				want := segments.NewFilter(c.of)
				for p := c.from; p <= c.of.Last; p++ {
					want.Add(key(int(p)))
				}
				if o.From != c.from || !cmp.Equal(o.Bytes(), want.Bytes()) {
					t.Errorf("it is from %d, want %d", o.From, c.from)
				}
				if own(true).From <= c.of.Last {
					t.Error("it is there again")
				}
				fill()
				if own(false).From <= c.of.Last {
					t.Error("it is of another log")
				}
			})
		})
	}
}

// TestOwnFilterIsKnownAtOnce: what a process has filled itself is not looked into until its filter
// is kept.
func TestOwnFilterIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	now := segments.Renaming{1}
	mark := func(p events.Position) events.Mark { return events.Mark{Position: p, Link: events.Link{byte(p)}} }
	for _, c := range []struct {
		name    string
		from    int
		last    segments.Renaming
		covered bool
	}{
		{"whole", 1, now, true},
		{"a part", 2, now, false},
		{"since another renaming", 1, segments.Renaming{2}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				kept := make(chan error)
				tender := &segments.Tender{
					Size: 100,
					Read: func(context.Context, *segments.Known) (*segments.Known, events.Position, error) {
						return &segments.Known{Renaming: now}, 150, nil
					},
					List:   func(context.Context) ([]segments.Range, error) { return []segments.Range{{First: 1, Last: 100}}, nil },
					Make:   func(context.Context, segments.Range, segments.Range) error { return <-kept },
					Failed: func(context.Context, error) {},
				}
				tender.Start(t.Context())
				defer tender.Close()
				before := tender.Known(t.Context(), 1000)
				a := segments.Append{Before: mark(events.Position(c.from - 1)), After: mark(150), Renaming: c.last}
				for n := c.from; n <= 150; n++ {
					a.Keys = append(a.Keys, key(n))
				}
				tender.Appended(a)
				synctest.Wait()
				known := tender.Newest(before)
				which, covered := segments.Ask(known.Filters(), segments.Range{First: 1, Last: 100}, []segments.Key{key(5), key(1000)})
				if covered != c.covered || covered && !cmp.Equal(which, []int{0}) {
					t.Errorf("Ask = %v, %v", which, covered)
				}
				link := mark(150).Link
				if is := known.Of(link[:], now); !is || covered != (known.At() == 150) {
					t.Errorf("the filters are of position %d: %v", known.At(), is)
				}
				if tender.Newest(nil) != nil {
					t.Error("an append that began without filters has some")
				}
				close(kept)
			})
		})
	}
}
