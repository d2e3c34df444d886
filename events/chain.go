package events

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// Link is the value of the log's hash chain after an event (I13). The zero value
// stands before the first event. Two logs with the same link at a position hold the
// same events up to there, in the same order.
//
// The chain has a value at every position, so it does not depend on how events were
// joined into transactions. A log stores that of the last event of each transaction
// that appends.
type Link [sha256.Size]byte

// Next returns the link after one more event: the SHA-256 of l and of the content half
// of the event's digest. The other half is left out, so that a pseudonym can be erased
// and the chain still verifies.
func (l Link) Next(d Digest) Link {
	var b [len(l) + contentBytes]byte
	copy(b[:], l[:])
	copy(b[len(l):], d[:contentBytes])
	return sha256.Sum256(b[:])
}

// String returns the link in 64 hexadecimal digits.
func (l Link) String() string { return hex.EncodeToString(l[:]) }

// Scan implements sql.Scanner for a column of 32 bytes.
func (l *Link) Scan(column any) error {
	b, ok := column.([]byte)
	if !ok || len(b) != len(l) {
		return errors.New("a link has not the length of one")
	}
	*l = Link(b)
	return nil
}

// Mark is the link at a position.
type Mark struct {
	Position Position
	Link     Link
}

// Next returns the mark after one more event.
func (m Mark) Next(d Digest) Mark { return Mark{m.Position + 1, m.Link.Next(d)} }

// Chain is the hash chain of a [Log]. Every method returns the context's error when the
// context ends first.
type Chain interface {
	// Link returns the value of the chain at a position; false where the log ends
	// before it. [ErrGap] if an event up to there is missing.
	Link(ctx context.Context, at Position) (Link, bool, error)
	// Marks returns the stored links after a position, in order, at most limit.
	Marks(ctx context.Context, after Position, limit int) ([]Mark, error)
}
