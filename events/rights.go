package events

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// WithdrawnRight is the record of a right to read that was taken from a subject, whose tokens go
// on for a while.
type WithdrawnRight struct {
	// Subject is that of the tokens that lose the right.
	Subject string
	// Shop is the shop whose campaigns they may not be read with any more; "" is all that the
	// subject may see.
	Shop Shop
	Who  string
	Why  string
	// At is set by the store: whole microseconds, UTC. Tokens issued later keep the right.
	At time.Time
}

// Check returns the first problem, for the one who withdraws.
func (w WithdrawnRight) Check() error {
	if !utf8.ValidString(w.Subject) || !utf8.ValidString(string(w.Shop)) {
		return errors.New("subject or shop: is not UTF-8")
	}
	if problem := idProblem(w.Subject); problem != "" {
		return fmt.Errorf("subject: %s; expected %s", problem, wantID)
	}
	if w.Shop != "" {
		if problem := idProblem(string(w.Shop)); problem != "" {
			return fmt.Errorf("shop: %s; expected %s", problem, wantID)
		}
	}
	return checkReason(w.Who, w.Why)
}

// Rights keeps, in the database of a [Log], which rights to read were withdrawn. Nothing takes a
// record back: a subject gets a right again with a new token. Every method returns the context's
// error when the context ends first.
type Rights interface {
	// Withdraw records that a right is withdrawn, whose [WithdrawnRight.Check] returns nil, and
	// returns the record. Once it has returned, every handle lists it.
	Withdraw(ctx context.Context, w WithdrawnRight) (WithdrawnRight, error)
	// Withdrawn returns the records that are not before a time, in the order of At. One that is
	// listed later is not before those that were listed.
	Withdrawn(ctx context.Context, since time.Time) ([]WithdrawnRight, error)
}
