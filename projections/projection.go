package projections

import (
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// Projection is a named, versioned, pure fold from events to rows.
type Projection struct {
	// Table holds its rows, and has its name.
	Table *readmodel.Table
	// Version grows by one with every change of what the fold makes of a log;
	// rows of another version are never added to.
	Version int
	// Touch adds to keys those of every row that Fold would read or write for e. Neither of them
	// changes e or keeps it.
	Touch func(keys *readmodel.Keys, e *events.Recorded)
	// Fold changes rows by e. Of the rows that Touch names for e, those that earlier
	// events made must be there. Events come in log order, each once, and their types in
	// any interleaving.
	Fold func(rows *readmodel.Rows, e *events.Recorded)
}

// Name returns the projection's name.
func (p Projection) Name() string { return p.Table.Name }

// All returns all projections, in the order of their names.
func All() []Projection {
	return []Projection{
		channelStats(),
		eventStats(),
		participantProfile(),
		participationHourly(),
	}
}

// Tables returns the tables of the projections.
func Tables(ps []Projection) []*readmodel.Table {
	tables := make([]*readmodel.Table, len(ps))
	for i, p := range ps {
		tables[i] = p.Table
	}
	return tables
}

// Fold changes rows by the batch: events in log order, of any campaigns. Of the rows that
// Touch names for them, those that earlier events made must be there.
func Fold(rows *readmodel.Rows, ps []Projection, batch []events.Recorded) {
	for i := range batch { // all that is of one campaign, one after another
		for _, p := range ps {
			p.Fold(rows, &batch[i])
		}
	}
}

// stored returns t as every store gives it back, so that a row that was carried
// through one equals a row that never left memory (I6).
func stored(t time.Time) time.Time {
	return t.UTC().Truncate(time.Microsecond)
}
