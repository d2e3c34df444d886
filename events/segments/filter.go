package segments

import (
	"fmt"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"jangbu/events"
)

const (
	// bytesEach is how many bytes a filter has for each position.
	bytesEach = 2
	// probes is how many bits an identity sets: the best number for so many bytes.
	probes = 11
)

// Key is what filters know of an identity.
type Key struct {
	start, step uint64
}

// KeyOf returns the key of an identity.
func KeyOf(c events.Campaign, id events.ID) Key {
	var usual [128]byte
	sum := xxhash.Sum64(append(append(usual[:0], id[:]...), c...))
	return Key{start: sum, step: bits.RotateLeft64(sum, 32) | 1} // two halves, as two hashes
}

// Filter says which identities the events of a range do not have. It may be asked from several
// goroutines at once, but not while keys are added.
type Filter struct {
	Range
	set []byte
}

// NewFilter returns a filter that excludes all keys.
func NewFilter(r Range) *Filter { return &Filter{Range: r, set: make([]byte, bytesEach*r.Len())} }

// Load returns a filter as [Filter.Bytes] returned it, whose memory it takes over.
func Load(r Range, kept []byte) (*Filter, error) {
	if r.First < 1 || r.Last < r.First || len(kept) != bytesEach*r.Len() {
		return nil, fmt.Errorf("a filter of positions %d to %d has %d bytes", r.First, r.Last, len(kept))
	}
	return &Filter{Range: r, set: kept}, nil
}

// Bytes returns the filter's memory.
func (f *Filter) Bytes() []byte { return f.set }

// Add adds a key.
func (f *Filter) Add(k Key) {
	for range probes {
		at := f.at(k.start)
		f.set[at/8] |= 1 << (at % 8)
		k.start += k.step
	}
}

// May reports whether the key may have been added; if not, it has not.
func (f *Filter) May(k Key) bool {
	for range probes {
		at := f.at(k.start)
		if f.set[at/8]&(1<<(at%8)) == 0 {
			return false
		}
		k.start += k.step
	}
	return true
}

// at returns the number of a bit.
func (f *Filter) at(hash uint64) uint64 {
	high, _ := bits.Mul64(hash, 8*uint64(len(f.set)))
	return high
}

// Ask returns the indexes of the keys that a range may hold, in ascending order. It reports
// whether the filters, which are in the order of their ranges, cover the range; otherwise it may
// hold each.
func Ask(filters []*Filter, of Range, keys []Key) (which []int, covered bool) {
	next, may := of.First, make([]bool, len(keys))
	for _, f := range filters {
		if f.First != next || f.Last > of.Last {
			continue
		}
		next = f.Last + 1
		// One filter after the other: each stays in the processor's cache while it is asked.
		for i, k := range keys {
			may[i] = may[i] || f.May(k)
		}
	}
	if next != of.Last+1 {
		return nil, false
	}
	for i := range may {
		if may[i] {
			which = append(which, i)
		}
	}
	return which, true
}
