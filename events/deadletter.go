package events

import (
	"context"
	"errors"
	"strings"
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
	// ReasonOtherShop: the record describes a campaign of another shop. It passes once
	// the campaign has been moved to its shop.
	ReasonOtherShop Reason = "other-shop"
	// ReasonKey: the entry of the record's campaign in the key store is damaged. The
	// record passes once the entry is mended or has been destroyed.
	ReasonKey Reason = "key"
)

// Reasons returns the reasons in the order in which they are listed.
func Reasons() []Reason {
	return []Reason{ReasonMalformed, ReasonUnknownType, ReasonConflict, ReasonOtherShop, ReasonKey}
}

// DeadLetter is a record that could not become an event, kept and sealed. It
// waits until [DeadLetters] revives or discards it.
type DeadLetter struct {
	// ID is the same for every delivery of one record. Without the master key it
	// reveals nothing of the content (I10).
	ID        ID
	Topic     string
	Partition int32
	Offset    int64
	// Timestamp is the record's own: whole microseconds, UTC; zero if it is none that
	// every store holds, see Storable.
	Timestamp time.Time
	Reason    Reason
	// Detail names the field, the problem and the expected form. It holds no value
	// of the record (I10).
	Detail string
	// Sealed is the whole record under AES-256-GCM; empty once discarded.
	Sealed []byte
	// BuriedAt is set by the store: whole microseconds, UTC.
	BuriedAt time.Time
	// Discarded is nil while the letter waits.
	Discarded *Discarded
}

// Storable returns the letter as every store and RFC 3339 can hold it, whatever its
// record was (I5): a timestamp outside the years 1 to 9999 becomes zero, and what is not
// UTF-8 or a NUL becomes U+FFFD. Adapters call it before they write a letter.
func (d DeadLetter) Storable() DeadLetter {
	d.Timestamp = d.Timestamp.UTC().Truncate(time.Microsecond)
	if d.Timestamp.Before(time.Time{}) || !d.Timestamp.Before(time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)) {
		d.Timestamp = time.Time{}
	}
	d.Topic, d.Reason, d.Detail = storableText(d.Topic), Reason(storableText(string(d.Reason))), storableText(d.Detail)
	return d
}

// Redact returns the letter without what identifies a person in what is readable of it, and
// whether anything did. What is sealed stays.
func (d DeadLetter) Redact(name Namer) (DeadLetter, bool) {
	now := d
	now.Detail = RedactText(d.Detail, name)
	if d.Discarded != nil {
		by := *d.Discarded
		by.By, by.Why = RedactWho(by.By, name), RedactText(by.Why, name)
		if by != *d.Discarded {
			now.Discarded = &by
		}
	}
	return now, now.Detail != d.Detail || now.Discarded != d.Discarded
}

func storableText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}

// Discarded says when, by whom and why a letter was discarded.
type Discarded struct {
	At  time.Time // set by the store: whole microseconds, UTC
	By  string
	Why string
}

// DeadLetterQuery selects dead letters.
type DeadLetterQuery struct {
	Reason Reason      // empty selects all
	After  *DeadLetter // the last letter of the previous page; nil selects the first page
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

// Revival is a dead letter with the draft that its record decodes to now.
type Revival struct {
	Letter ID
	Draft  Draft
}

// ErrNoDeadLetter means that no dead letter has the ID.
var ErrNoDeadLetter = errors.New("no such dead letter")

// DeadLetters keeps records that could not become events, in the database of a
// [Log], whose account includes them (I5). Each method that writes does so in
// one transaction, may safely be called again after an error, and returns
// [ErrCorrupt] if the log's head row is missing. Every method returns the
// context's error when the context ends first.
type DeadLetters interface {
	// Bury keeps the letters and counts each as received: a new ID as
	// dead-lettered, a known one as a duplicate. It also writes how far the
	// letters' sources have been read; ErrBehind as of [Appender].
	Bury(ctx context.Context, letters []DeadLetter, read ...Reading) error
	// List returns a page of the selected letters, newest first.
	List(ctx context.Context, q DeadLetterQuery) ([]DeadLetter, error)
	// Get returns one letter; ErrNoDeadLetter if no letter has the ID.
	Get(ctx context.Context, id ID) (DeadLetter, error)
	// Groups counts the letters of each reason that has any, sorted by reason.
	Groups(ctx context.Context) ([]DeadLetterGroup, error)
	// Waiting returns a page of the selected letters that wait, sorted by topic,
	// partition, offset and ID: the order in which they are to be revived (I3).
	Waiting(ctx context.Context, q DeadLetterQuery) ([]DeadLetter, error)
	// Revive appends the drafts as [Appender] does and removes each letter whose
	// draft is appended or a duplicate; the account counts the record as that
	// instead of as dead-lettered. A letter whose draft conflicts stays, with
	// ReasonConflict. The outcome is 0, and nothing is done, if the letter does
	// not wait or an earlier revival of the call names it. ErrCorrupt also if
	// the next position of the log is taken.
	Revive(ctx context.Context, revivals []Revival) ([]Outcome, error)
	// Discard ends the waiting of the letters that wait, erases what they
	// sealed, and returns their number. The letters stay, so that their
	// records, delivered again, are duplicates.
	Discard(ctx context.Context, letters []ID, d Discarded) (int, error)
	// Reword gives the letter with the ID of d its Detail and, where it was discarded, By and
	// Why. ErrNoDeadLetter if no letter has the ID.
	Reword(ctx context.Context, d DeadLetter) error
}
