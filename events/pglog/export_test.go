package pglog

import (
	"testing"

	"jangbu/events"
)

// InSegments returns the options with segments of so many positions.
func (o Options) InSegments(size events.Position) Options {
	o.segment = size
	return o
}

// Settle makes the filters and the segment that are missing, and reads the filters.
func (l *Log) Settle(t testing.TB) {
	t.Helper()
	if err := l.makeMissing(t.Context()); err != nil {
		t.Error(err)
	}
}

// Filters returns how many filters the process has.
func (l *Log) Filters() int {
	l.tender.mu.Lock()
	defer l.tender.mu.Unlock()
	if l.tender.known == nil {
		return 0
	}
	return len(l.tender.known.filters)
}
