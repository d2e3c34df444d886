package events

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"
)

// Recall completes r, an event as a log holds it, from its stored form and the campaign that it
// is kept under. Adapters call it for every event that they read, so that no reader believes one
// that was edited: [ErrCorrupt] where the payload is no stored event, the digest is not that of
// the payload, or the campaign is another.
func (r *Recorded) Recall(form Form, t Type, campaign, payload []byte) (err error) {
	if r.Event, err = DecodeStored(form, t, payload); err != nil {
		return fmt.Errorf("%w: position %d: %w", ErrCorrupt, r.Position, err)
	}
	if !r.intactAs(form, payload) {
		return fmt.Errorf("%w: position %d: its digest is not that of the stored event", ErrCorrupt, r.Position)
	}
	if c := r.Event.Subject(); string(c) != string(campaign) { // no copy is made
		return fmt.Errorf("%w: position %d: it is kept under campaign %q, and is of %q", ErrCorrupt, r.Position, campaign, c)
	}
	return nil
}

// CheckDerived returns [ErrCorrupt] where what a log keeps beside the event, and the digest does
// not cover, does not follow from it: the time at which an event occurred that has its own, and
// the identity of a registration. Nothing is known of those of an erased one.
func (r *Recorded) CheckDerived() error {
	var own time.Time
	switch e := r.Event.(type) {
	case *ParticipantRegistered:
		if e.Erased() {
			return nil
		}
		if r.ID != registrationID(e) {
			return fmt.Errorf("%w: position %d: its identity is not that of the registration", ErrCorrupt, r.Position)
		}
		own = e.RegisteredAt
	case *EventCreated:
		if e.MovedBy == "" { // a move repeats the description, at its own time
			own = e.CreatedAt
		}
	case *DistributionCompleted:
		own = e.CompletedAt
	case *ChannelStatsFetched:
		own = e.FetchedAt
	case *EventsWithdrawn: // has none
	}
	if !own.IsZero() && !own.Equal(r.OccurredAt) {
		return fmt.Errorf("%w: position %d: it is said to have occurred at %s, and says %s", ErrCorrupt, r.Position,
			r.OccurredAt.Format(time.RFC3339Nano), own.Format(time.RFC3339Nano))
	}
	return nil
}

// intactAs is [Recorded.Intact] for an event that was decoded from the payload. It hashes
// the bytes that are there rather than encode the event once more, for replays.
func (r *Recorded) intactAs(form Form, payload []byte) bool {
	if form != CurrentForm || r.Erased() {
		return r.Intact()
	}
	var buffer [512]byte
	content := appendDomain(buffer[:0], "digest", r.Event.Type())
	var p Pseudonym
	if e, ok := r.Event.(*ParticipantRegistered); ok && e.Pseudonym != (Pseudonym{}) {
		// No string of JSON holds a quote that is not escaped: what is found is the member.
		start := bytes.Index(payload, []byte(pseudonymMember))
		end := start + len(pseudonymMember) + encodedPseudonym + len(`"`)
		content = append(append(content, payload[:start]...), payload[end:]...)
		p = e.Pseudonym
	} else {
		content = append(content, payload...)
	}
	sum := sha256.Sum256(content)
	var d Digest
	copy(d[:contentBytes], sum[:])
	return d.WithPseudonym(p) == r.Digest
}

const (
	pseudonymMember  = `,"pseudonym":"`
	encodedPseudonym = 43 // bytes of one in base64url without padding
)
