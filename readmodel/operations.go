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
	// Rebuild folds the log anew into generations beside those served, and then serves them.
	Rebuild OperationKind = "rebuild"
	// Reset folds one campaign anew and replaces its rows.
	Reset OperationKind = "reset"
	// Heal is a reset that an audit asks for, which found a campaign's rows to be wrong.
	Heal OperationKind = "heal"
	// Rollback serves the standbys again.
	Rollback OperationKind = "rollback"
	// Pause stops folding, Resume continues it.
	Pause  OperationKind = "pause"
	Resume OperationKind = "resume"
	// BreakLease takes a lease away from its holder. It is not asked for, but done at once
	// ([Leases.Break]).
	BreakLease OperationKind = "break"
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

// Operation is what an operator, or an audit, asks of projections. The leader carries it
// out, and the store keeps the record of it.
type Operation struct {
	ID          int64
	Kind        OperationKind
	Projections []string        // sorted; at least one, unless a lease is broken
	Campaign    events.Campaign // of a reset or a heal alone
	Found       *Found          // of a heal alone
	Lease       string          // that was broken
	Who         string          // names the operator, for people
	Why         string          // may be empty

	State   OperationState
	AskedAt time.Time // by the store's clock, as are the others
	BeganAt time.Time // zero: not begun
	EndedAt time.Time // zero: not ended
	// Owner is the owner of the lease under which the operation runs or ran last.
	Owner string
	// At and To say up to where the log is folded, and up to where it must be.
	At, To events.Position
	// Error says why the operation failed.
	Error string
}

// Ended reports whether the operation is done or has failed.
func (o *Operation) Ended() bool { return o.State == Done || o.State == Failed }

// Validate returns an error where the operation cannot be asked for.
func (o *Operation) Validate() error {
	switch o.Kind {
	case Rebuild, Reset, Heal, Rollback, Pause, Resume:
	default:
		return fmt.Errorf("there is no operation %q", o.Kind)
	}
	switch {
	case len(o.Projections) == 0:
		return errors.New("no projection is named")
	case !slices.IsSorted(o.Projections) || len(slices.Compact(slices.Clone(o.Projections))) < len(o.Projections):
		return errors.New("the projections are not sorted, or one is named twice")
	case (o.Campaign != "") != (o.Kind == Reset || o.Kind == Heal):
		return errors.New("a reset or a heal names one campaign, and no other operation names one")
	case (o.Found != nil) != (o.Kind == Heal):
		return errors.New("a heal says what was found, and no other operation does")
	case o.Who == "":
		return errors.New("no operator is named")
	}
	return nil
}

// Redact returns the operation without what identifies a person, and whether anything did.
func (o Operation) Redact(name events.Namer) (Operation, bool) {
	now := o
	now.Campaign, now.Who, now.Owner = events.RedactID(o.Campaign, name), events.RedactWho(o.Who, name), events.RedactWho(o.Owner, name)
	now.Why, now.Error = events.RedactText(o.Why, name), events.RedactText(o.Error, name)
	differs := now.Campaign != o.Campaign || now.Who != o.Who || now.Owner != o.Owner || now.Why != o.Why || now.Error != o.Error
	if o.Found != nil {
		found := *o.Found
		found.Differences = slices.Clone(found.Differences)
		for i := range found.Differences {
			d := &found.Differences[i]
			d.Key, d.Served, d.Folded = events.RedactText(d.Key, name), events.RedactText(d.Served, name), events.RedactText(d.Folded, name)
		}
		if !slices.Equal(found.Differences, o.Found.Differences) {
			now.Found, differs = &found, true
		}
	}
	return now, differs
}

// ErrNoOperation says that no operation has that number.
var ErrNoOperation = errors.New("no such operation")

// Operations keeps the operations. They are kept with the rows, and dropping the rows drops
// them too.
type Operations interface {
	// Ask records the operation and returns it with its number. Where one of the same
	// kind, projections and campaign waits or runs already, it returns that one.
	Ask(ctx context.Context, o Operation) (Operation, error)
	// Operation returns the operation of that number, or ErrNoOperation.
	Operation(ctx context.Context, id int64) (Operation, error)
	// Operations returns the last operations, newest first, at most limit.
	Operations(ctx context.Context, limit int) ([]Operation, error)
	// Heals returns the account of the heals.
	Heals(ctx context.Context) (Heals, error)
	// Next returns the oldest operation that has not ended; false where all have.
	Next(ctx context.Context) (Operation, bool, error)
	// Note records the operation's State, Owner, At, To and Error. ErrFenced where this
	// epoch does not hold the lease or the operation has ended.
	Note(ctx context.Context, lease Lease, o Operation) error
	// Pause sets or lifts the pause of the projections and ends the operation. ErrFenced
	// as Note.
	Pause(ctx context.Context, lease Lease, op int64, projections []string, paused bool) error
	// Reword gives the operation with that number, which has ended, the Campaign, Who, Why,
	// Owner, Error and Found of o. ErrNoOperation where none has that has ended.
	Reword(ctx context.Context, o Operation) error
}
