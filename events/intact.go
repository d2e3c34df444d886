package events

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// Recall completes r, an event as a log holds it, from its stored form. Adapters call it for
// every event that they read, so that no reader believes one that was edited: [ErrCorrupt]
// where the payload is no stored event, or the digest is not that of the payload.
func (r *Recorded) Recall(form Form, t Type, payload []byte) (err error) {
	if r.Event, err = DecodeStored(form, t, payload); err != nil {
		return fmt.Errorf("%w: position %d: %w", ErrCorrupt, r.Position, err)
	}
	if !r.intactAs(form, payload) {
		return fmt.Errorf("%w: position %d: its digest is not that of the stored event", ErrCorrupt, r.Position)
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
