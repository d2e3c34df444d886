package readmodel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"jangbu/events"
)

// OperationKind says what an [Operation] does.
type OperationKind string

// The operations.
const (
	// Rebuild folds the log anew beside what is served, and then serves that.
	Rebuild OperationKind = "rebuild"
	// Reset folds one campaign anew and replaces its rows.
	Reset OperationKind = "reset"
	// Rollback serves the generation again that was served before.
	Rollback OperationKind = "rollback"
	// Pause stops folding, Resume goes on.
	Pause  OperationKind = "pause"
	Resume OperationKind = "resume"
)

// OperationState says how far an [Operation] is.
type OperationState string

// The states of an operation.
const (
	Waiting OperationState = "waiting"
	Running OperationState = "running"
	Done    OperationState = "done"
	Failed  OperationState = "failed"
)

// Operation is something that an operator does to projections: asked for, carried out by
// whoever folds, and kept as the record of it.
type Operation struct {
	ID          int64
	Kind        OperationKind
	Projections []string        // sorted; at least one
	Campaign    events.Campaign // of a reset alone
	Who         string          // asked for it, for people
	Why         string          // may be empty

	State   OperationState
	AskedAt time.Time // by the store's clock, as are the others
	BeganAt time.Time // zero: not begun
	EndedAt time.Time // zero: not ended
	// Owner of the lease under which it is, or was last, carried out.
	Owner string
	// At and To say how much of the log is folded, of how much.
	At, To events.Position
	// Error says why it failed.
	Error string
}

// Ended reports whether nothing more will come of the operation.
func (a *Operation) Ended() bool { return a.State == Done || a.State == Failed }

// Validate says what is wrong with an operation that is to be asked for.
func (a *Operation) Validate() error {
	switch a.Kind {
	case Rebuild, Reset, Rollback, Pause, Resume:
	default:
		return fmt.Errorf("there is no operation %q", a.Kind)
	}
	switch {
	case len(a.Projections) == 0:
		return errors.New("no projection is named")
	case !slices.IsSorted(a.Projections) || len(slices.Compact(slices.Clone(a.Projections))) < len(a.Projections):
		return errors.New("projections are not sorted, or named twice")
	case (a.Campaign != "") != (a.Kind == Reset):
		return errors.New("a reset, and nothing else, is of one campaign")
	case a.Who == "":
		return errors.New("nobody asks for it")
	}
	return nil
}

// ErrNoOperation says that there is no operation of that number.
var ErrNoOperation = errors.New("no such operation")

// Operations keeps what operators asked for. It lives with the rows: who drops those drops
// the record of what was done to them.
type Operations interface {
	// Ask records that the operation is wanted and returns it with its number. Where the
	// same is waiting or running already, that one is returned.
	Ask(ctx context.Context, a Operation) (Operation, error)
	// Operation returns an operation. ErrNoOperation where there is none of that number.
	Operation(ctx context.Context, id int64) (Operation, error)
	// Operations returns the last operations, newest first, at most limit.
	Operations(ctx context.Context, limit int) ([]Operation, error)
	// Next returns the oldest operation that has not ended, and false where all have.
	Next(ctx context.Context) (Operation, bool, error)
	// Note records how far the operation is: State, Owner, At, To and Error. ErrFenced
	// where the lease is not held by this epoch or the operation has ended.
	Note(ctx context.Context, lease Lease, a Operation) error
	// Pause sets or lifts the pause of the projections.
	Pause(ctx context.Context, lease Lease, op int64, projections []string, paused bool) error
}
