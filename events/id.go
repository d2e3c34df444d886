package events

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ID identifies an event within its campaign (I4). That of a registration is a hash
// of campaign and participant, whatever id its record carries; that of any other event
// is the producer's own id if it sends one, else a hash of type, campaign and natural
// key. Hashed IDs are UUIDs of version 8 (RFC 9562), so every ID is a well-formed UUID.
type ID [16]byte

// String returns the ID in the form of RFC 9562, section 4.
func (id ID) String() string { return uuid.UUID(id).String() }

// ParseID is the inverse of [ID.String].
func ParseID(s string) (ID, error) {
	if len(s) != 36 {
		return ID{}, errors.New("parse id: expected 36 characters, as in 01890a5d-ac96-774b-bcce-b302099a8057")
	}
	u, err := uuid.Parse(s)
	if err != nil {
		return ID{}, fmt.Errorf("parse id: %w", err)
	}
	return ID(u), nil
}

// Digest is a hash of an event's content: the same ID with the same content is a
// duplicate, with other content a conflict (I4). The first half covers what the
// producer sent except the phone number: no key is needed to compute it, so none can
// be lost. The second half is a checksum of the stored pseudonym, zero if there is
// none, or of an overwritten event's form; it says nothing of identity.
type Digest [32]byte

// contentBytes is the length of the half of a digest that covers the content.
const contentBytes = 16

// OutcomeBeside returns the outcome of a draft of whose ID an event is stored with the digest:
// Duplicate or Conflict.
func (d *Draft) OutcomeBeside(stored Digest) Outcome {
	if stored.Conflicts(d.Digest) && (d.FormerDigest == Digest{} || stored.Conflicts(d.FormerDigest)) {
		return Conflict
	}
	return Duplicate
}

// Conflicts reports whether two events of one ID differ in content.
func (d Digest) Conflicts(other Digest) bool {
	return [contentBytes]byte(d[:contentBytes]) != [contentBytes]byte(other[:contentBytes])
}

// WithPseudonym returns d with its second half made from p.
func (d Digest) WithPseudonym(p Pseudonym) Digest {
	if p == (Pseudonym{}) {
		clear(d[contentBytes:])
		return d
	}
	sum := sha256.Sum256(p[:])
	copy(d[contentBytes:], sum[:])
	return d
}

// Pseudonym replaces a phone number: its HMAC-SHA-256 under a random key of the
// campaign (I10). The zero value means none.
type Pseudonym [32]byte

// String returns the pseudonym in base64url without padding, 43 characters.
func (p Pseudonym) String() string { return base64.RawURLEncoding.EncodeToString(p[:]) }

// DigestOf returns the digest of a stored event, computed anew from it.
func DigestOf(e Event) Digest {
	p, registered := e.(*ParticipantRegistered)
	if !registered || p.Pseudonym == (Pseudonym{}) {
		return contentDigest(e)
	}
	content := *p
	content.Pseudonym = Pseudonym{}
	return contentDigest(&content).WithPseudonym(p.Pseudonym)
}

// contentDigest returns the digest of an event without its pseudonym.
func contentDigest(e Event) Digest {
	var buffer [512]byte
	sum := sha256.Sum256(AppendStored(appendDomain(buffer[:0], "digest", e.Type()), e))
	var d Digest
	copy(d[:contentBytes], sum[:])
	return d
}

// draftID returns the ID of a draft (I4). stamp is its record's timestamp.
func draftID(d *Draft, env *envelope, stamp time.Time) ID {
	if e, ok := d.Event.(*ParticipantRegistered); ok {
		return registrationID(e)
	}
	if env.id != "" {
		return producerID(env.source, env.id)
	}
	b := appendDomain(make([]byte, 0, 512), "natural", d.Event.Type())
	b = appendPart(b, string(d.Event.Subject()))
	switch e := d.Event.(type) {
	case *ParticipantRegistered: // is above
	case *EventCreated:
		// A campaign has one description after another. The timestamp tells a record
		// that goes back to an earlier one from that one delivered again.
		b = appendPart(b, string(d.Digest[:contentBytes]))
		b = appendPart(b, instantKey(stamp))
	case *DistributionCompleted:
		b = appendPart(b, instantKey(e.CompletedAt))
	case *ChannelStatsFetched:
		b = appendPart(b, string(e.Channel))
		b = appendPart(b, instantKey(e.FetchedAt))
	case *EventsWithdrawn:
		// Positions that were restored can be withdrawn again, for the same reason.
		b = appendPart(b, string(d.Digest[:contentBytes]))
		b = appendPart(b, instantKey(stamp))
	}
	return hashedID(b)
}

// registrationID returns the ID of a registration: a person registers once for a
// campaign, however often and by whatever transport the record is sent.
func registrationID(r *ParticipantRegistered) ID {
	b := appendDomain(make([]byte, 0, 512), "natural", TypeParticipantRegistered)
	b = appendPart(b, string(r.Campaign))
	return hashedID(appendPart(b, r.Participant))
}

// formerID returns the ID that earlier releases gave an EventCreated: a campaign had one.
func formerID(e *EventCreated) ID {
	b := appendDomain(make([]byte, 0, 512), "natural", TypeEventCreated)
	return hashedID(appendPart(b, string(e.Campaign)))
}

// Upgrade returns an event that an earlier version of the program stored as this one
// stores it, and whether anything differs: a registration's ID, whatever its record
// carried, and the digest, which no longer covers members that the contract does not
// list. The event itself lacks those since it was decoded.
func Upgrade(r Recorded) (Recorded, bool) {
	before := r
	if r.Overwritten() {
		return r, false // what identity and digest were made of is gone
	}
	if e, ok := r.Event.(*ParticipantRegistered); ok {
		r.ID = registrationID(e)
	}
	r.Digest = DigestOf(r.Event)
	return r, r.ID != before.ID || r.Digest != before.Digest
}

// producerID returns the ID of an event that came with one: the id itself if it is
// a UUID, else a hash of source and id, which together are unique (CloudEvents
// 1.0.2, "id").
func producerID(source, id string) ID {
	if len(id) == 36 {
		if u, err := uuid.Parse(id); err == nil && u.Variant() == uuid.RFC4122 {
			return ID(u)
		}
	}
	b := appendPart(nil, "jangbu/cloudevent")
	b = appendPart(b, source)
	return hashedID(appendPart(b, id))
}

func appendDomain(dst []byte, domain string, t Type) []byte {
	const program = "jangbu/"
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(program)+len(domain))) // as [appendPart], of no joined text
	dst = append(append(dst, program...), domain...)
	return appendPart(dst, t.String())
}

// appendPart appends the length of s and s, so that different lists of parts give
// different bytes.
func appendPart(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
}

func hashedID(b []byte) ID {
	sum := sha256.Sum256(b)
	id := ID(sum[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id
}

func instantKey(t time.Time) string { return string(appendInstant(nil, t)) }
