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

// ID identifies an event within its campaign (I4): the producer's own id where
// it sends one, else a hash of type, campaign and natural key. Hashed IDs carry
// version 8 of RFC 9562, so that every ID is a well-formed UUID.
type ID [16]byte

// String returns the ID in the form of RFC 9562, section 4.
func (id ID) String() string { return uuid.UUID(id).String() }

// ParseID reads what [ID.String] wrote.
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

// Digest says what an event contains, so that the same ID with the same content
// is a duplicate and with other content a conflict (I4). The first half is over
// what the producer sent save the phone number, the second half over the
// pseudonym; the second half is zero where there is none.
type Digest [32]byte

// Conflicts reports whether two events of one ID differ in content. Pseudonyms
// are compared only where both have one: a campaign's key may have been
// destroyed between two deliveries of one record.
func (d Digest) Conflicts(other Digest) bool {
	var none [16]byte
	if [16]byte(d[:16]) != [16]byte(other[:16]) {
		return true
	}
	mine, theirs := [16]byte(d[16:]), [16]byte(other[16:])
	return mine != none && theirs != none && mine != theirs
}

// WithPseudonym returns d with its second half made from p.
func (d Digest) WithPseudonym(p Pseudonym) Digest {
	if p == (Pseudonym{}) {
		clear(d[16:])
		return d
	}
	sum := sha256.Sum256(p[:])
	copy(d[16:], sum[:16])
	return d
}

// Pseudonym stands for a phone number: HMAC-SHA-256 under a random key of its
// campaign (I10). The zero value is no pseudonym.
type Pseudonym [32]byte

// String returns the pseudonym in base64url without padding, 43 characters.
func (p Pseudonym) String() string { return base64.RawURLEncoding.EncodeToString(p[:]) }

// contentDigest is the digest of an event without its pseudonym.
func contentDigest(e Event) Digest {
	b := appendDomain(make([]byte, 0, 512), "digest", e.Type())
	sum := sha256.Sum256(AppendStored(b, e))
	var d Digest
	copy(d[:16], sum[:])
	return d
}

// naturalID is the ID of an event whose producer sent none.
func naturalID(e Event) ID {
	b := appendDomain(make([]byte, 0, 512), "natural", e.Type())
	b = appendPart(b, string(e.Subject()))
	switch e := e.(type) {
	case *EventCreated:
	case *ParticipantRegistered:
		b = appendPart(b, e.Participant)
	case *DistributionCompleted:
		b = appendPart(b, instantKey(e.CompletedAt))
	case *ChannelStatsFetched:
		b = appendPart(b, string(e.Channel))
		b = appendPart(b, instantKey(e.FetchedAt))
	}
	return hashedID(b)
}

// producerID is the ID of an event whose producer named it: the id itself where
// it is a UUID, else a hash of it with its source, which together are unique
// (CloudEvents 1.0.2, "id").
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
	return appendPart(appendPart(dst, "jangbu/"+domain), t.String())
}

// appendPart appends s with its length in front, so that no two lists of parts
// make the same bytes.
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

func instantKey(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
