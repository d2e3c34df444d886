package segments_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/events/segments"
)

// TestNeverAFalseNegative draws identities of any form and filters of any size, also too full
// ones, and keeps and loads them in between.
func TestNeverAFalseNegative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := drawRange(rt)
		f := segments.NewFilter(r)
		keys := rapid.SliceOfN(rapid.Custom(drawKey), 0, 200).Draw(rt, "keys")
		for i, k := range keys {
			f.Add(k)
			if rapid.IntRange(0, 20).Draw(rt, "kept") == 0 {
				var err error
				if f, err = segments.Load(r, f.Bytes()); err != nil {
					rt.Fatal(err)
				}
			}
			for _, added := range keys[:i+1] {
				if !f.May(added) {
					rt.Fatalf("%v was added and is excluded", added)
				}
			}
		}
		which, covered := segments.Ask([]*segments.Filter{f}, r, keys)
		if !covered || len(which) != len(keys) {
			rt.Fatalf("Ask: %d of %d keys, covered: %v", len(which), len(keys), covered)
		}
	})
}

func FuzzFilter(f *testing.F) {
	f.Add("campaign", []byte("0123456789abcdef"), uint16(1))
	f.Add("", []byte{}, uint16(1000))
	f.Fuzz(func(t *testing.T, c string, raw []byte, n uint16) {
		var id events.ID
		copy(id[:], raw)
		filter := segments.NewFilter(segments.Range{First: 1, Last: events.Position(n) + 1})
		k := segments.KeyOf(events.Campaign(c), id)
		if filter.May(k) {
			t.Error("an empty filter does not exclude")
		}
		filter.Add(k)
		if !filter.May(k) {
			t.Error("what was added is excluded")
		}
		id[0]++
		if other := segments.KeyOf(events.Campaign(c), id); other == k {
			t.Error("two identities have one key")
		}
	})
}

// TestFewPass counts the identities that a full filter lets pass although it does not hold them.
func TestFewPass(t *testing.T) {
	t.Parallel()
	const held, others = 100_000, 400_000
	f := segments.NewFilter(segments.Range{First: 1, Last: held})
	for n := range held {
		f.Add(key(n))
	}
	passed := 0
	for n := range others {
		if f.May(key(held + n)) {
			passed++
		}
	}
	t.Logf("%d of %d pass", passed, others)
	if passed > others/1500 {
		t.Errorf("%d of %d identities pass that were not added, want about one in 2,000", passed, others)
	}
}

// TestKeptFilter: a filter that an earlier program kept is understood.
func TestKeptFilter(t *testing.T) {
	t.Parallel()
	f := segments.NewFilter(segments.Range{First: 11, Last: 20})
	for n := range 3 {
		f.Add(key(n))
	}
	const want = "100000080100406c810144000020040000ba0100"
	if got := fmt.Sprintf("%x", f.Bytes()); got != want {
		t.Errorf("a filter of three identities is %s, want %s", got, want)
	}
	for _, r := range []segments.Range{{First: 11, Last: 21}, {First: 0, Last: 9}, {First: 20, Last: 11}} {
		if _, err := segments.Load(r, f.Bytes()); err == nil {
			t.Errorf("it is loaded for %v", r)
		}
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	filter := func(first, last events.Position, held ...int) *segments.Filter {
		f := segments.NewFilter(segments.Range{First: first, Last: last})
		for _, n := range held {
			f.Add(key(n))
		}
		return f
	}
	keys := []segments.Key{key(0), key(1), key(2), key(3)}
	all := []*segments.Filter{filter(1, 100, 0, 2), filter(101, 200, 1), filter(301, 400)}
	for _, c := range []struct {
		of      segments.Range
		which   []int
		covered bool
	}{
		{segments.Range{First: 1, Last: 100}, []int{0, 2}, true},
		{segments.Range{First: 1, Last: 200}, []int{0, 1, 2}, true},
		{segments.Range{First: 301, Last: 400}, nil, true},
		{segments.Range{First: 1, Last: 150}, nil, false},
		{segments.Range{First: 51, Last: 100}, nil, false},
		{segments.Range{First: 101, Last: 400}, nil, false},
		{segments.Range{First: 401, Last: 500}, nil, false},
	} {
		which, covered := segments.Ask(all, c.of, keys)
		if !cmp.Equal(which, c.which) || covered != c.covered {
			t.Errorf("Ask(%v) = %v, %v, want %v, %v", c.of, which, covered, c.which, c.covered)
		}
	}
}

// TestRanges: ranges of one size have each position once, and those of a part too.
func TestRanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		size := events.Position(rapid.IntRange(1, 50).Draw(rt, "size"))
		p := events.Position(rapid.IntRange(1, 1000).Draw(rt, "position"))
		r := segments.Around(p, size)
		if !r.Holds(p) || r.Len() != int(size) || segments.Around(r.First, size) != r || segments.Around(r.Last, size) != r || segments.Around(r.Last+1, size).First != r.Last+1 {
			rt.Fatalf("the range of %d around %d is %v", size, p, r)
		}
		whole, next := drawRange(rt), events.Position(0)
		for i, part := range whole.Parts(size) {
			if i == 0 {
				next = whole.First
			}
			if part.First != next || part.Last < part.First || part.Last > segments.Around(part.First, size).Last {
				rt.Fatalf("%v has the parts %v", whole, whole.Parts(size))
			}
			next = part.Last + 1
		}
		if next != whole.Last+1 {
			rt.Fatalf("%v has the parts %v", whole, whole.Parts(size))
		}
	})
}

func BenchmarkAsk(b *testing.B) {
	const size, asked = segments.Size, 10_000
	f := segments.NewFilter(segments.Range{First: 1, Last: size})
	for n := range size {
		f.Add(key(n))
	}
	keys := make([]segments.Key, asked)
	for n := range keys {
		keys[n] = key(size + n)
	}
	for b.Loop() {
		segments.Ask([]*segments.Filter{f}, f.Range, keys)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*asked), "ns/identity")
}

func BenchmarkKeyOf(b *testing.B) {
	for b.Loop() {
		key(1)
	}
}

func key(n int) segments.Key {
	var id events.ID
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return segments.KeyOf("campaign-1000", id)
}

func drawRange(rt *rapid.T) segments.Range {
	first := events.Position(rapid.IntRange(1, 1000).Draw(rt, "first"))
	return segments.Range{First: first, Last: first + events.Position(rapid.IntRange(0, 300).Draw(rt, "more"))}
}

func drawKey(rt *rapid.T) segments.Key {
	id := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "id")
	return segments.KeyOf(events.Campaign(rapid.String().Draw(rt, "campaign")), events.ID(id))
}
