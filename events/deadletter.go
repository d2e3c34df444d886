package events

import (
	"context"
	"time"
)

// Reason says why a record can never become an event.
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

// DeadLetter is a record that can never become an event, kept and sealed.
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
	// Sealed is the whole record under AES-256-GCM.
	Sealed []byte
	// BuriedAt is set by the store: whole microseconds, UTC.
	BuriedAt time.Time
}

// DeadLetterQuery selects dead letters, newest first.
type DeadLetterQuery struct {
	Reason Reason // empty for all
	Limit  int    // at least 1
}

// DeadLetters keeps what cannot be decoded. It shares its account, and so its
// database, with a [Log].
type DeadLetters interface {
	// Bury keeps the letters in one transaction and counts each as received:
	// one whose ID is new as dead-lettered, another as duplicate. Burying the
	// same letters again is always right.
	Bury(ctx context.Context, letters []DeadLetter) error
	// DeadLetters returns the selected letters.
	DeadLetters(ctx context.Context, q DeadLetterQuery) ([]DeadLetter, error)
}
