package readmodel

import (
	"context"
	"fmt"

	"jangbu/events"
)

// GenerationState is one generation of a projection, as operators see it.
type GenerationState struct {
	Checkpoint
	// Active: it is what is served.
	Active bool
	// Standby: it was served before the active one and can be served again.
	Standby bool
	// Paused says of an active one that its projection is not folded further.
	Paused bool
}

// Generations makes generations beside those that are served, and puts them in their
// place (I7). All but List are of the holder of a lease: [ErrFenced], and nothing
// written, where the lease is not held by this epoch, a checkpoint is not as given, or
// a generation is active that must not be, or is not that must.
//
// Who asks for what is served to change names the operation (see [Operations]) that it carries out,
// which is ended in the same transaction: so no operation is carried out twice.
type Generations interface {
	// List returns all generations, sorted by projection and generation.
	List(ctx context.Context) ([]GenerationState, error)
	// Begin makes a generation of each named projection, without rows, at position
	// 0, and returns their checkpoints in the order of the names.
	Begin(ctx context.Context, lease Lease, projections []Checkpoint) ([]Checkpoint, error)
	// Fill writes rows into generations that are not active, in many small transactions,
	// so that others need not wait, and then moves their checkpoints. Into one that
	// stands at position 0 it must be all the rows there are up to there. Before each
	// transaction that writes rows between is called, possibly by several goroutines;
	// it may let others go first. A generation of which a filling was cut short is of
	// no use.
	Fill(ctx context.Context, lease Lease, advances []Advance, rows *Rows, between func()) error
	// Activate makes the generations the active ones, and those that were active the
	// standbys, in one transaction. It returns the revision that it makes.
	Activate(ctx context.Context, lease Lease, op int64, generations []Checkpoint) (Revision, error)
	// Prune removes what is neither active nor a standby, in small transactions, as
	// Fill writes.
	Prune(ctx context.Context, lease Lease, between func()) error
}

// GenerationOf says to which generation each projection's rows belong. Every
// store of rows checks by it what it is asked to load and to commit.
type GenerationOf map[string]Generation

// GenerationsOfLoad returns the generations of a [Writer.Load], or an error
// where keys name rows of a table whose projection is not given.
func GenerationsOfLoad(at []Checkpoint, keys *Keys) (GenerationOf, error) {
	of, err := generationsOf(at)
	if err != nil {
		return nil, err
	}
	return of, of.cover(keys.Tables())
}

// GenerationsOfCommit returns the generations of a [Writer.Commit], or an error
// where there are rows of a table whose projection does not advance, or an
// advance goes back.
func GenerationsOfCommit(advances []Advance, rows *Rows) (GenerationOf, error) {
	at := make([]Checkpoint, len(advances))
	for i, a := range advances {
		if a.To < a.Position {
			return nil, fmt.Errorf("%s goes back from position %d to %d", a.Projection, a.Position, a.To)
		}
		at[i] = a.Checkpoint
	}
	of, err := generationsOf(at)
	if err != nil {
		return nil, err
	}
	return of, of.cover(rows.Tables())
}

// GenerationsOfFill returns the generations of a [Builds.Fill], their checkpoints, and
// whether all of them are empty, or an error as of a commit.
func GenerationsOfFill(advances []Advance, rows *Rows) (of GenerationOf, at []Checkpoint, empty bool, err error) {
	if of, err = GenerationsOfCommit(advances, rows); err != nil {
		return nil, nil, false, err
	}
	at, empty = make([]Checkpoint, len(advances)), true
	for i, a := range advances {
		at[i] = a.Checkpoint
		empty = empty && a.Position == 0
	}
	return of, at, empty, nil
}

// GenerationsOfReplace returns the generations of a [Mending.Replace], or an error
// where there are rows of another campaign, or of a table whose projection is not
// given.
func GenerationsOfReplace(at []Checkpoint, c events.Campaign, rows *Rows) (GenerationOf, error) {
	of, err := generationsOf(at)
	if err != nil {
		return nil, err
	}
	for other := range rows.Subjects() {
		if other != c {
			return nil, fmt.Errorf("rows of campaign %q among those of %q", other, c)
		}
	}
	return of, of.cover(rows.Tables())
}

func generationsOf(at []Checkpoint) (GenerationOf, error) {
	of := make(GenerationOf, len(at))
	for _, c := range at {
		if _, twice := of[c.Projection]; twice {
			return nil, fmt.Errorf("%s is named twice", c.Projection)
		}
		of[c.Projection] = c.Generation
	}
	return of, nil
}

// cover returns an error where a table has rows, or keys, and no generation.
func (g GenerationOf) cover(tables []*Table) error {
	for _, t := range tables {
		if _, ok := g[t.Name]; !ok {
			return fmt.Errorf("rows of %s without its checkpoint", t.Name)
		}
	}
	return nil
}
