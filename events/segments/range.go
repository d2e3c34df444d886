package segments

import (
	"slices"

	"jangbu/events"
)

// Size is how many positions a segment has, unless it is one of before there were any, or its adapter
// has another size. A larger segment has fewer neighbours to ask, and an index that is less in the
// cache.
const Size = 1_000_000

// Range is the positions from First through Last.
type Range struct {
	First, Last events.Position
}

// Around returns the range of size positions around p, which is at least 1: the first range
// begins at 1, each other one after another.
func Around(p, size events.Position) Range {
	before := (p - 1) / size * size
	return Range{First: before + 1, Last: before + size}
}

// Len returns how many positions the range has.
func (r Range) Len() int { return int(r.Last - r.First + 1) }

// Holds reports whether the range has the position.
func (r Range) Holds(p events.Position) bool { return r.First <= p && p <= r.Last }

// Parts returns the range cut where those of size positions end.
func (r Range) Parts(size events.Position) []Range {
	var parts []Range
	for first := r.First; first <= r.Last; {
		last := min(r.Last, Around(first, size).Last)
		parts = append(parts, Range{First: first, Last: last})
		first = last + 1
	}
	return parts
}

// Holding returns the index of the range that holds a position. The ranges are in their order.
func Holding(all []Range, p events.Position) (int, bool) {
	return slices.BinarySearchFunc(all, p, func(r Range, p events.Position) int {
		switch {
		case r.Last < p:
			return -1
		case r.First > p:
			return 1
		default:
			return 0
		}
	})
}
