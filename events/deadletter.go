package events

import (
	"context"
	"errors"
	"time"
)

// Reason says why a record could not become an event.
type Reason string

// The reasons.
const (
	// ReasonMalformed: the record breaks its contract.
	ReasonMalformed Reason = "malformed"
	// ReasonUnknownType: the record names a type that is none of the four.
	ReasonUnknownType Reason = "unknown-type"
	// ReasonConflict: the log holds the same ID with other content.
	ReasonConflict Reason = "conflict"
)

// DeadLetter is a record that could not become an event, kept and sealed. It
// waits until it is revived or discarded.
type DeadLetter struct {
	// ID is the same for every delivery of one record and tells nothing of its
	// content to who lacks the master key.
	ID        ID
	Topic     string
	Partition int32
	Offset    int64
	Timestamp time.Time // the record's own; whole microseconds, UTC
	Reason    Reason
	// Detail says which field, what was wrong and what was expected. It holds
	// no value of the record (I10).
	Detail string
	// Sealed is the whole record under AES-256-GCM; empty once it was discarded.
	Sealed []byte
	// BuriedAt is set by the store: whole microseconds, UTC.
	BuriedAt time.Time
	// Discarded is nil while the letter waits.
	Discarded *Discarded
}

// Discarded says that a letter was given up.
type Discarded struct {
	At  time.Time // set by the store: whole microseconds, UTC
	By  string
	Why string
}

// DeadLetterQuery selects dead letters.
type DeadLetterQuery struct {
	Reason Reason      // empty for all
	After  *DeadLetter // the last one of the page before; nil for the first page
	Limit  int         // at least 1
}

// DeadLetterGroup counts the letters of one reason.
type DeadLetterGroup struct {
	Reason    Reason
	Waiting   int64
	Discarded int64
	First     time.Time // the first burial
	Last      time.Time // the last burial
}

// ErrNoDeadLetter says that there is no such dead letter.
var ErrNoDeadLetter = errors.New("no such dead letter")

// DeadLetters keeps what cannot be decoded. It shares its account, and so its
// database, with a [Log].
type DeadLetters interface {
	// Bury keeps the letters in one transaction and counts each as received:
	// one whose ID is new as dead-lettered, another as duplicate. Burying the
	// same letters again is always right.
	Bury(ctx context.Context, letters []DeadLetter) error
	// DeadLetters returns a page of the selected letters, newest first.
	DeadLetters(ctx context.Context, q DeadLetterQuery) ([]DeadLetter, error)
	// DeadLetter returns one letter; [ErrNoDeadLetter] where there is none.
	DeadLetter(ctx context.Context, id ID) (DeadLetter, error)
	// DeadLetterGroups counts the letters of each reason that any has, by name.
	DeadLetterGroups(ctx context.Context) ([]DeadLetterGroup, error)
}

// Revival is a dead letter with the draft that its record decodes to now.
type Revival struct {
	Letter ID
	Draft  Draft
}

// ConflictDetail is the detail of a letter whose reason is [ReasonConflict].
func ConflictDetail(id ID) string {
	return "the log holds event " + id.String() + " with other content"
}

// DeadLetterOffice ends the waiting of dead letters. What it does in one call is
// one transaction, and doing it again is always right.
type DeadLetterOffice interface {
	// WaitingLetters returns a page of the selected letters that wait, by topic,
	// partition and offset: the order in which they should be revived (I3).
	WaitingLetters(ctx context.Context, q DeadLetterQuery) ([]DeadLetter, error)
	// Revive appends the drafts as [Appender] does, and removes each letter whose
	// draft comes out as Appended or Duplicate: it is counted as that, and as
	// dead-lettered no more. A letter whose draft is a Conflict stays, for that
	// reason. The outcome is 0, and nothing is done, where the letter does not
	// wait: another has revived or discarded it, or it was named before.
	Revive(ctx context.Context, revivals []Revival) ([]Outcome, error)
	// Discard gives up those of the letters that wait, and returns how many. What
	// was sealed is erased; the letter stays, so that its record, delivered
	// again, is a duplicate.
	Discard(ctx context.Context, letters []ID, d Discarded) (int, error)
	// Digests returns what the log holds under each draft's campaign and ID; nil
	// where it holds nothing.
	Digests(ctx context.Context, drafts []Draft) ([]*Digest, error)
}
