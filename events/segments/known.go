package segments

import (
	"slices"

	"jangbu/events"
)

// Renaming tells the last time that events were given another campaign in place from all others.
type Renaming [16]byte

// Known is the filters of what is full, and does not change any more. They are of the log whose
// chain has the mark, since its last renaming. A nil Known has no filter.
type Known struct {
	Renaming Renaming
	mark     events.Mark
	filters  []*Filter     // in the order of their ranges
	marks    []events.Mark // of the filters
}

// Add adds the filter of the next range, which was made when the log had the mark behind it.
func (k *Known) Add(f *Filter, m events.Mark) {
	if k.filters, k.marks = append(k.filters, f), append(k.marks, m); m.Position > k.mark.Position {
		k.mark = m
	}
}

// and returns the filters with one of which the process has appended every event, and which is not
// kept yet; k where it is of another log, or no filter is known.
func (k *Known) and(o *Own) *Known {
	if k == nil || k.Renaming != o.Renaming || o.From != o.First {
		return k
	}
	both := &Known{Renaming: k.Renaming, mark: k.mark, filters: slices.Clip(k.filters), marks: slices.Clip(k.marks)}
	both.Add(o.Filter, o.Mark)
	return both
}

// At returns the position whose link tells whether the filters are of a log; 0 if they are of any.
func (k *Known) At() events.Position {
	if k == nil {
		return 0
	}
	return k.mark.Position
}

// Of reports whether the filters are of the log that has the link at that position, nil if it
// has none, and the last renaming.
func (k *Known) Of(link []byte, last Renaming) bool {
	return k.Renaming == last && (k.mark.Position == 0 || slices.Equal(link, k.mark.Link[:]))
}

// Filters returns the filters in the order of their ranges.
func (k *Known) Filters() []*Filter {
	if k == nil {
		return nil
	}
	return k.filters
}

// Filter returns the filter of a range in the log that has the mark and the last renaming; nil
// if it is not known.
func (k *Known) Filter(r Range, m events.Mark, last Renaming) *Filter {
	if k == nil || k.Renaming != last {
		return nil
	}
	for i, f := range k.filters {
		if f.Range == r && k.marks[i] == m {
			return f
		}
	}
	return nil
}

// Missing returns the parts of the segments that are full at the head, and have no filter. It
// also returns the next head at which there is another.
func (k *Known) Missing(of []Range, head, size events.Position) (parts []Range, next events.Position) {
	next = Around(head+1, size).Last
	for _, s := range of {
		for _, part := range s.Parts(size) {
			if part.Last > head {
				next = min(next, part.Last)
				break
			}
			if !slices.ContainsFunc(k.Filters(), func(f *Filter) bool { return f.Range == part }) {
				parts = append(parts, part)
			}
		}
	}
	return parts, next
}
