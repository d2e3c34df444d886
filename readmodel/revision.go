package readmodel

import (
	"cmp"
	"fmt"

	"jangbu/events"
)

// Revision tells states of a store of rows apart: of two reads, the later one has
// the higher revision, or the same, and then the same rows. Only where a crash of
// the machine takes back the last commits does it go back, together with the rows.
type Revision struct {
	// Incarnation is when the store was made: microseconds since 1970, by the
	// clock of its machine. One that was dropped and made again begins anew with
	// a higher one.
	Incarnation int64
	// Edits counts what changed served rows other than by folding the next
	// events: another generation that became active, a campaign that was folded
	// anew.
	Edits int64
	// Position is the sum of the checkpoints of all active generations; 0 where
	// nothing is registered.
	Position events.Position
}

// Compare returns -1, 0 or 1 where r is before, the same as or after other.
func (r Revision) Compare(other Revision) int {
	return cmp.Or(cmp.Compare(r.Incarnation, other.Incarnation), cmp.Compare(r.Edits, other.Edits), cmp.Compare(r.Position, other.Position))
}

// String returns the revision in hexadecimal digits, always [RevisionDigits] of
// them: the order of strings is that of revisions.
func (r Revision) String() string {
	return fmt.Sprintf("%016x%016x%016x", uint64(r.Incarnation), uint64(r.Edits), uint64(r.Position))
}

// RevisionDigits is the length of [Revision.String].
const RevisionDigits = 48

// Change is one commit, as seen by those who keep copies of rows.
type Change struct {
	// From and To are the revisions before and after it. Who has not seen From
	// has missed something.
	From, To Revision
	// Campaigns are those of which a row changed.
	Campaigns []events.Campaign
}
