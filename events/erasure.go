package events

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// Erase returns the event as it is stored once its person has been erased (I10). Position,
// identity and times stay, as do campaign, channel, whether the customer is new, and the
// half of the digest that covers what the producer sent: no total changes, the record that
// is delivered again is a duplicate, and the chain still verifies. Participant, pseudonym
// and attributes are gone. An event of another type is returned as it is.
func (r Recorded) Erase() Recorded {
	e, ok := r.Event.(*ParticipantRegistered)
	if !ok {
		return r
	}
	left := &ParticipantRegistered{Campaign: e.Campaign, Channel: e.Channel, NewCustomer: e.NewCustomer}
	left.nameTexts()
	r.Event, r.Digest = left, r.Digest.overwritten(left)
	return r
}

// overwritten returns d with its second half a checksum of its first and of the erased or
// redacted event, which finds damage to what is left.
func (d Digest) overwritten(e Event) Digest {
	sum := sha256.Sum256(AppendStored(append(appendDomain(nil, "erased", e.Type()), d[:contentBytes]...), e))
	copy(d[contentBytes:], sum[:])
	return d
}

// Erased reports whether the event is a registration whose person has been erased.
func (r *Recorded) Erased() bool {
	e, ok := r.Event.(*ParticipantRegistered)
	return ok && e.Erased()
}

// Erased reports whether the person has been erased: no record lacks its participant.
func (e *ParticipantRegistered) Erased() bool { return e.Participant == "" }

// Intact reports whether the digest is that of the event. Of an erased or redacted one the
// content half cannot be computed anew; the other half covers it and what is left.
func (r *Recorded) Intact() bool {
	if r.Overwritten() {
		return r.Digest == r.Digest.overwritten(r.Event)
	}
	return DigestOf(r.Event) == r.Digest
}

// MaxErased is the maximum number of positions of an [Erasure] (I14).
const MaxErased = 1_000

// Erasure is the record of who erased what, and why. It names no person.
type Erasure struct {
	Campaign Campaign
	// Positions are those of the events that were overwritten, in ascending order.
	// Without any, the campaign's key was destroyed.
	Positions []Position
	Who       string
	Why       string
	// At is set by the store: whole microseconds, UTC. No two erasures of a campaign have
	// the same.
	At time.Time
}

// Check returns the first problem of who erased and why, for the one who did.
func (e Erasure) Check() error { return checkReason(e.Who, e.Why) }

// Redact returns the record without what identifies a person, and whether anything did.
func (e Erasure) Redact(name Namer) (Erasure, bool) {
	now := e
	now.Campaign, now.Who, now.Why = RedactID(e.Campaign, name), RedactWho(e.Who, name), RedactText(e.Why, name)
	return now, now.Campaign != e.Campaign || now.Who != e.Who || now.Why != e.Why
}

// ErrNotErasable means that a position does not hold an event of the campaign that can be
// overwritten.
var ErrNotErasable = errors.New("no event of the campaign that can be overwritten so")

// Erasures erases persons from the events of a [Log] and keeps the record of it, in the
// log's database. It never takes a person's event back: count and order stay. Every method
// returns the context's error when the context ends first.
type Erasures interface {
	// Erase overwrites the registrations at the positions of e with their erased form, and
	// records e, in one transaction, which also takes the head. It leaves those out that are
	// erased already, and records nothing where that are all; without positions, it records
	// nothing where a record without positions of the campaign exists. It returns
	// what it recorded; the zero value for nothing. [ErrNotErasable], and nothing is
	// written, if a position holds anything but a registration of the campaign.
	Erase(ctx context.Context, e Erasure) (Erasure, error)
	// Redact overwrites the events at the positions of e that hold remnants with their redacted
	// form, and records e, as Erase does, under the name that the campaign has then. It leaves
	// those out that hold none, and records nothing where that are all. [ErrNotErasable], and
	// nothing is written, if a position holds no event of the campaign.
	Redact(ctx context.Context, e Erasure, name Namer) (Erasure, error)
	// List returns the records of a campaign, or of all for the campaign "", in the order
	// of At and campaign.
	List(ctx context.Context, c Campaign) ([]Erasure, error)
	// Restore adds the records that are not there, as they are.
	Restore(ctx context.Context, erasures []Erasure) error
	// Reword gives the record that is as before the campaign, Who and Why of after. Where the
	// campaign of after has the record already, that of before goes.
	Reword(ctx context.Context, before, after Erasure) error
	// Scrub has the database overwrite in its own files what the registrations at the
	// positions, which were erased, and discarded dead letters have left there, as far as it
	// can while others use it.
	Scrub(ctx context.Context, erased []Position) error
	// Compact has the database write its files anew, so that they hold nothing that was
	// overwritten or removed. Reads and appends may wait meanwhile.
	Compact(ctx context.Context) error
}

// Erasable returns what is to be written in the place of stored, the events that a log holds
// at the positions of e in ascending order: those that are not erased yet, in their erased
// form. Adapters call it. [ErrNotErasable] if one is anything but a registration of the
// campaign, or missing.
func Erasable(e Erasure, stored []Recorded) ([]Recorded, error) {
	return overwritable(e, e.Campaign, stored, func(r *Recorded) (Recorded, bool, error) {
		if _, ok := r.Event.(*ParticipantRegistered); !ok {
			return *r, false, ErrNotErasable
		}
		return r.Erase(), !r.Erased(), nil
	})
}
