package events

import (
	"context"
	"time"
)

// Access is the record of what an operator did with a log: of what was copied out of it or
// opened, and of what was changed beside it. It names no person whom events are about.
type Access struct {
	// ID orders the records of a log. It is set by the store.
	ID int64
	// At is set by the store: whole microseconds, UTC.
	At time.Time
	// Command is what was done, as the command line names it: "events export".
	Command string
	// Subject is what it was done to: "positions 1 to 1000".
	Subject string
	Who     string
	// Why may be empty where the command does not ask for it.
	Why string
}

// Check returns the first problem, for the one who does it. Command and subject are the
// program's own words.
func (a Access) Check() error {
	if a.Why == "" {
		return checkLine("who", a.Who, MaxWho)
	}
	return checkReason(a.Who, a.Why)
}

// Redact returns the record without what identifies a person, and whether anything did.
func (a Access) Redact(name Namer) (Access, bool) {
	now := a
	now.Subject, now.Who, now.Why = RedactWho(a.Subject, name), RedactWho(a.Who, name), RedactText(a.Why, name)
	return now, now != a
}

// Accesses keeps the record of accesses in the database of a [Log]. Nothing takes a record
// back. Every method returns the context's error when the context ends first.
type Accesses interface {
	// Add records an access whose [Access.Check] returns nil. Once it has returned, the
	// record is durable: what it is of may begin.
	Add(ctx context.Context, a Access) error
	// List returns the records before an ID, the newest first, at most limit; those before
	// 0 are all.
	List(ctx context.Context, before int64, limit int) ([]Access, error)
	// Reword gives the record with the ID of a its Subject, Who and Why.
	Reword(ctx context.Context, a Access) error
}
