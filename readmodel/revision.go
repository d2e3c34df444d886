package readmodel

import (
	"cmp"
	"fmt"

	"jangbu/events"
)

// Revision orders the states of a store's rows: of two reads, the later one has the
// higher revision, or the same revision and the same rows. It goes back only together
// with the rows, when a crash of the machine takes back the last commits or an older copy
// of the database takes its place.
type Revision struct {
	// Incarnation is when the store was made, or when the last leader's term began
	// ([Generations.Renew]), in microseconds since 1970 by the clock of its machine; higher
	// than the one before in any case.
	Incarnation int64
	// Edits counts the changes of served rows other than by folding the next events:
	// the activations of generations and the resets of campaigns.
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

// Change is one commit, for those that keep copies of rows.
type Change struct {
	// From and To are the revisions before and after the commit. A reader that has
	// not seen From has missed a commit.
	From, To Revision
	// Campaigns are those with a changed row.
	Campaigns []events.Campaign
}
