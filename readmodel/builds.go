package readmodel

import (
	"context"
)

// Build is one generation of a projection, as operators see it.
type Build struct {
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
	List(ctx context.Context) ([]Build, error)
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
