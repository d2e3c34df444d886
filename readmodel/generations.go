package readmodel

import (
	"context"
	"fmt"

	"jangbu/events"
)

// GenerationState is one generation of a projection, as operators see it.
type GenerationState struct {
	Checkpoint
	// Active says that the generation is served.
	Active bool
	// Standby says that it was served before the active one and can be served again.
	Standby bool
	// Paused says that it is active and its projection is not folded further.
	Paused bool
	// Kept says that its snapshots, as this program reads them, were kept from its first event
	// on. An earlier program kept none, or others.
	Kept bool
}

// Generations builds generations beside those that are served, and puts them in their
// place (I7). All methods but List are for the holder of a lease. They return
// [ErrFenced] and write nothing where this epoch does not hold the lease, where a
// checkpoint is not as given, or where a generation is active that must not be, or is
// not active that must be.
//
// A change of what is served names the operation (see [Operations]) that it carries out
// and ends it in the same transaction, so no operation is carried out twice.
type Generations interface {
	// List returns all generations, sorted by projection and generation.
	List(ctx context.Context) ([]GenerationState, error)
	// Begin makes a generation without rows, at position 0, of each named projection,
	// and returns their checkpoints in the order of the names.
	Begin(ctx context.Context, lease Lease, projections []Checkpoint) ([]Checkpoint, error)
	// Fill writes rows into generations that are not active, and then moves their
	// checkpoints. It writes in many small transactions, so that other writers wait for
	// a short time only, and calls between before each of them, possibly from several
	// goroutines; between may wait. A generation at position 0 is filled with all its
	// rows at once. A generation whose filling failed cannot be used.
	Fill(ctx context.Context, lease Lease, advances []Advance, rows *Rows, between func()) error
	// Activate makes the generations active, and those that were active and have rows
	// standbys, in one transaction. It returns the revision that it makes.
	Activate(ctx context.Context, lease Lease, op int64, generations []Checkpoint) (Revision, error)
	// Abandon ends the serving of the projections' rows, which belong to a history that the
	// log no longer has (I13), in one transaction: a generation without rows, of version 0,
	// becomes the active one of each, no standby is kept, no pause lasts, and the rows get a
	// new incarnation (see Renew). Until other generations are active, reads return
	// [ErrRebuilding].
	Abandon(ctx context.Context, lease Lease, projections []string) (Revision, error)
	// Renew gives the rows a new incarnation, and returns the revision that it makes. It is
	// higher than all before, and than those that the rows had in a history that was lost
	// when an older copy of the database took its place, so that no copy of a row that was
	// made before is taken for a current one (I9, I13). A leader calls it as its term begins.
	Renew(ctx context.Context, lease Lease) (Revision, error)
	// Prune removes every generation that is neither active nor a standby, in small
	// transactions, as Fill writes.
	Prune(ctx context.Context, lease Lease, between func()) error
}

// GenerationOf says to which generation each projection's rows belong.
type GenerationOf map[string]Generation

// GenerationsOf returns the generations of the checkpoints. It is an error to name a
// projection twice, or a table without its projection's checkpoint.
func GenerationsOf(at []Checkpoint, tables []*Table) (GenerationOf, error) {
	of := make(GenerationOf, len(at))
	for _, c := range at {
		if _, twice := of[c.Projection]; twice {
			return nil, fmt.Errorf("%s is named twice", c.Projection)
		}
		of[c.Projection] = c.Generation
	}
	for _, t := range tables {
		if _, ok := of[t.Name]; !ok {
			return nil, fmt.Errorf("rows of %s without its checkpoint", t.Name)
		}
	}
	return of, nil
}

// GenerationsOfAdvances returns the checkpoints from which the advances start, and their
// generations. It is an error for an advance to go back, and as in [GenerationsOf].
func GenerationsOfAdvances(advances []Advance, rows *Rows) (of GenerationOf, at []Checkpoint, err error) {
	at = make([]Checkpoint, len(advances))
	for i, a := range advances {
		if a.To < a.Position {
			return nil, nil, fmt.Errorf("%s goes back from position %d to %d", a.Projection, a.Position, a.To)
		}
		at[i] = a.Checkpoint
	}
	if of, err = GenerationsOf(at, rows.Tables()); err == nil {
		err = of.checkSnapshots(rows.Snapshots())
	}
	return of, at, err
}

// GenerationsOfReplace returns the generations of a [Store.Replace]. It is an error to
// give rows of another campaign, and as in [GenerationsOf].
func GenerationsOfReplace(at []Checkpoint, c events.Campaign, rows *Rows) (GenerationOf, error) {
	for other := range rows.Subjects() {
		if other != c {
			return nil, fmt.Errorf("rows of campaign %q among those of %q", other, c)
		}
	}
	for _, s := range rows.Snapshots() {
		if s.Campaign != c {
			return nil, fmt.Errorf("a snapshot of campaign %q among rows of %q", s.Campaign, c)
		}
	}
	of, err := GenerationsOf(at, rows.Tables())
	if err == nil {
		err = of.checkSnapshots(rows.Snapshots())
	}
	return of, err
}
