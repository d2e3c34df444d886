package events

import (
	"context"
	"errors"
	"time"
)

// Position is an event's place in the log: gapless, 1-based, in commit order
// (I2). 0 stands before the first event.
type Position int64

// Draft is a checked event that is not yet in the log.
type Draft struct {
	ID     ID
	Digest Digest
	// OccurredAt is the event's own time, or its record's timestamp where it
	// has none. Whole microseconds, UTC.
	OccurredAt time.Time
	Event      Event
}

// Recorded is an event in the log.
type Recorded struct {
	Position   Position
	ID         ID
	Digest     Digest
	OccurredAt time.Time // see Draft.OccurredAt
	// RecordedAt is when the event was appended, by the log's own clock or that
	// of the log it was restored from: whole microseconds, UTC, and never before
	// that of an earlier position.
	RecordedAt time.Time
	Event      Event
}

// Outcome is what became of one draft.
type Outcome uint8

// The outcomes of an append.
const (
	// Appended: the event has a new position.
	Appended Outcome = iota + 1
	// Duplicate: the log, or an earlier draft of the same append, holds the
	// same ID with the same content.
	Duplicate
	// Conflict: the log, or an earlier draft of the same append, holds the same
	// ID with other content. Nothing was written; the caller buries the record.
	Conflict
)

// String returns the outcome's name.
func (o Outcome) String() string {
	switch o {
	case Appended:
		return "appended"
	case Duplicate:
		return "duplicate"
	case Conflict:
		return "conflict"
	default:
		return "no outcome"
	}
}

// Totals is the log's own account of what it was given (I5):
// Received = Head + Duplicates + DeadLettered, held by a constraint of the
// database in every committed state.
type Totals struct {
	Head         Position
	Received     int64
	Duplicates   int64
	DeadLettered int64
	// Discarded is how many of the dead-lettered wait no more.
	Discarded int64
	// RecordedAt is that of the event at Head; zero while the log is empty.
	RecordedAt time.Time
}

// Stream selects events of one campaign, in log order.
type Stream struct {
	Campaign Campaign
	After    Position // exclusive
	// Through is the last position wanted; 0 for no bound.
	Through Position
	// AsOf is the last RecordedAt wanted; zero for no bound.
	AsOf time.Time
	// Limit is the most events that one call returns; at least 1.
	Limit int
}

// Sentinels of the log.
var (
	// ErrGap: positions read were not consecutive. The log is damaged; the
	// process must stop rather than serve a wrong number (I2).
	ErrGap = errors.New("log positions are not consecutive")
	// ErrCorrupt: a stored event cannot be read back, or the log's account
	// does not add up. Never returned for a fault that may pass.
	ErrCorrupt = errors.New("log is corrupt")
)

// Appender appends to the log.
type Appender interface {
	// Append puts the drafts at the head of the log, in their order, in one
	// transaction, and returns one outcome for each. On an error nothing is
	// known to be written; appending the same drafts again is always right,
	// for what was written then comes out as Duplicate. Drafts whose outcome
	// is Appended or Duplicate are counted as received.
	Append(ctx context.Context, drafts []Draft) ([]Outcome, error)
}

// Log is the append-only event store.
type Log interface {
	Appender

	// Read returns the events after a position in order, at most limit. Fewer,
	// or none, only where the log ends there. ErrGap where positions are not
	// consecutive, ErrCorrupt where an event cannot be decoded.
	Read(ctx context.Context, after Position, limit int) ([]Recorded, error)
	// ReadStream returns the selected events of one campaign, at most s.Limit.
	// ErrCorrupt where an event cannot be decoded.
	ReadStream(ctx context.Context, s Stream) ([]Recorded, error)
	// Totals returns the head and the account. ErrCorrupt where it does not add up.
	Totals(ctx context.Context) (Totals, error)
	// Wait returns the head once it is beyond after. Appends of this process
	// are seen at once, those of others within 100 ms. It returns the
	// context's error when that ends first.
	Wait(ctx context.Context, after Position) (Position, error)
}
