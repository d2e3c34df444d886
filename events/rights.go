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
	Subject Subject
	// Shop is the shop whose campaigns they may not be read with any more; "" is all that the
	// subject may see.
	Shop Shop
	Who  string
	Why  string
	// At is set by the store: whole microseconds, UTC. Tokens issued later keep the right.
	At time.Time
}

// Check returns the first problem, for the one who withdraws. What passes names no person, but
// for the one who does it (I10).
func (w WithdrawnRight) Check() error {
	switch {
	case w.Subject == Subject{}:
		return errors.New("subject: is empty")
	case w.InPlain():
		return fmt.Errorf("subject: %w", ErrNoSubjectKey)
	case !utf8.ValidString(string(w.Shop)):
		return errors.New("shop: is not UTF-8")
	}
	if w.Shop != "" {
		if problem := idProblem([]byte(w.Shop)); problem != "" {
			return fmt.Errorf("shop: %s; expected %s", problem, wantID)
		}
		if p := PersonalInID(string(w.Shop)); p != NothingPersonal {
			return fmt.Errorf("shop: is or holds %s, and is kept for good; without a shop the subject loses everything", p)
		}
	}
	return checkReason(w.Who, w.Why)
}

// InPlain reports whether the record has a subject that identifies a person and is not hashed, as
// earlier releases kept it.
func (w WithdrawnRight) InPlain() bool { return PersonalInID(w.Subject.Name()) != NothingPersonal }

// Rights keeps, in the database of a [Log], which rights to read were withdrawn. Nothing takes a
// record back: a subject gets a right again with a new token. Every method returns the context's
// error when the context ends first.
type Rights interface {
	// Withdraw records that a right is withdrawn, whose [WithdrawnRight.Check] returns nil, and
	// returns the record. Once it has returned, every handle lists it. What Check returns is
	// returned, and nothing is recorded.
	Withdraw(ctx context.Context, w WithdrawnRight) (WithdrawnRight, error)
	// Withdrawn returns the records that are not before a time, in the order of At. One that is
	// listed later is not before those that were listed.
	Withdrawn(ctx context.Context, since time.Time) ([]WithdrawnRight, error)
	// Conceal hashes with the key the subjects of the records that are [WithdrawnRight.InPlain],
	// overwrites what the database's files kept of them, and returns how many there were. It
	// writes nothing where there are none.
	Conceal(ctx context.Context, key SubjectKey) (int, error)
	// RenameShop gives the records of a shop to its other name, under which its campaigns are.
	RenameShop(ctx context.Context, from, to Shop) error
}
