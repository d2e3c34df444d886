package sqlitelog

import (
	"testing"

	"jangbu/events"
)

// InSegments returns the options with segments of so many positions.
func (o Options) InSegments(size events.Position) Options {
	o.segment = size
	return o
}

// Settle makes the filters that are missing, and reads them.
func (l *Log) Settle(t testing.TB) {
	t.Helper()
	if err := l.tender.Tend(t.Context()); err != nil {
		t.Error(err)
	}
}

// Filters returns how many filters the process has.
func (l *Log) Filters(t testing.TB) int {
	t.Helper()
	return len(l.tender.Known(t.Context(), 0).Filters())
}
