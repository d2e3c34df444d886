package readmodel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"jangbu/events"
)

// ActKind says what an [Act] does.
type ActKind string

// The acts.
const (
	// ActRebuild folds the log anew beside what is served, and then serves that.
	ActRebuild ActKind = "rebuild"
	// ActReset folds one campaign anew and replaces its rows.
	ActReset ActKind = "reset"
	// ActRollback serves the generation again that was served before.
	ActRollback ActKind = "rollback"
	// ActPause stops folding, ActResume goes on.
	ActPause  ActKind = "pause"
	ActResume ActKind = "resume"
)

// ActState says how far an [Act] is.
type ActState string

// The states of an act.
const (
	ActWaiting ActState = "waiting"
	ActRunning ActState = "running"
	ActDone    ActState = "done"
	ActFailed  ActState = "failed"
)

// Act is something that an operator does to projections: asked for, carried out by
// whoever folds, and kept as the record of it.
type Act struct {
	ID          int64
	Kind        ActKind
	Projections []string        // sorted; at least one
	Campaign    events.Campaign // of a reset alone
	Who         string          // asked for it, for people
	Why         string          // may be empty

	State   ActState
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

// Ended reports whether nothing more will come of the act.
func (a *Act) Ended() bool { return a.State == ActDone || a.State == ActFailed }

// Validate says what is wrong with an act that is to be asked for.
func (a *Act) Validate() error {
	switch a.Kind {
	case ActRebuild, ActReset, ActRollback, ActPause, ActResume:
	default:
		return fmt.Errorf("there is no act %q", a.Kind)
	}
	switch {
	case len(a.Projections) == 0:
		return errors.New("no projection is named")
	case !slices.IsSorted(a.Projections) || len(slices.Compact(slices.Clone(a.Projections))) < len(a.Projections):
		return errors.New("projections are not sorted, or named twice")
	case (a.Campaign != "") != (a.Kind == ActReset):
		return errors.New("a reset, and nothing else, is of one campaign")
	case a.Who == "":
		return errors.New("nobody asks for it")
	}
	return nil
}

// ErrNoAct says that there is no act of that number.
var ErrNoAct = errors.New("no such act")

// Acts keeps what operators asked for. It lives with the rows: who drops those drops
// the record of what was done to them.
type Acts interface {
	// Ask records that the act is wanted and returns it with its number. Where the
	// same is waiting or running already, that one is returned.
	Ask(ctx context.Context, a Act) (Act, error)
	// Act returns an act. ErrNoAct where there is none of that number.
	Act(ctx context.Context, id int64) (Act, error)
	// Acts returns the last acts, newest first, at most limit.
	Acts(ctx context.Context, limit int) ([]Act, error)
	// Next returns the oldest act that has not ended, and false where all have.
	Next(ctx context.Context) (Act, bool, error)
	// Note records how far the act is: State, Owner, At, To and Error. ErrFenced
	// where the lease is not held by this epoch or the act has ended.
	Note(ctx context.Context, lease Lease, a Act) error
	// Pause sets or lifts the pause of the projections.
	Pause(ctx context.Context, lease Lease, act int64, projections []string, paused bool) error
}
