package segments

import "jangbu/events"

// Append is an append of a process to its log, which was committed.
type Append struct {
	Before, After events.Mark
	Renaming      Renaming // the log's last one, in its transaction
	Keys          []Key    // of the new events, in their order
}

// Own is a filter of what a process has appended itself to a range, up to its end: that need not be read
// back.
type Own struct {
	*Filter
	// From is the first position that the filter knows.
	From events.Position
	// Mark is of the append that reached the end of the range. A log that has it, and the last
	// renaming, has these events.
	Mark     events.Mark
	Renaming Renaming
}

// grow adds an append to the filter that grows, where it follows the one before it, and otherwise to
// a new one. It returns the filter that grows now, nil if none does, and the last one that has
// reached the end of its range, nil if none has.
func (o *Own) grow(a Append, size events.Position) (growing, whole *Own) {
	if o != nil && (o.Mark != a.Before || o.Renaming != a.Renaming) {
		o = nil
	}
	for i, k := range a.Keys {
		p := a.Before.Position + 1 + events.Position(i)
		if o == nil {
			o = &Own{Filter: NewFilter(Around(p, size)), From: p, Renaming: a.Renaming}
		}
		if o.Add(k); p == o.Last {
			o.Mark = a.After
			whole, o = o, nil
		}
	}
	if o != nil {
		o.Mark = a.After
	}
	return o, whole
}
