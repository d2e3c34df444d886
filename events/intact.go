package events

import (
	"crypto/sha256"
	"fmt"
	"time"
)

// Recall completes r, an event as a log holds it, from its stored form and the campaign that it
// is kept under. Adapters call it for every event that they read, so that no reader believes one
// that was edited: [ErrCorrupt] where the payload is no stored event, the digest is not that of
// the payload, or the campaign is another. The event is in the memory of the slab; nil gives
// it one of its own.
func (r *Recorded) Recall(in *Slab, form Form, t Type, campaign, payload []byte) (err error) {
	text := ""
	if t == TypeParticipantRegistered {
		text = in.text(payload)
	} else {
		text = string(payload) // rows keep texts of it
	}
	if err := r.recall(in, form, t, text); err != nil {
		return err
	}
	if c := r.Event.Subject(); string(c) != string(campaign) { // no copy is made
		return r.elsewhere(string(campaign))
	}
	return nil
}

// RecallText is [Recorded.Recall] for a payload whose memory the event may keep.
func (r *Recorded) RecallText(in *Slab, form Form, t Type, campaign, payload string) error {
	if err := r.recall(in, form, t, payload); err != nil {
		return err
	}
	if string(r.Event.Subject()) != campaign {
		return r.elsewhere(campaign)
	}
	return nil
}

func (r *Recorded) recall(in *Slab, form Form, t Type, payload string) (err error) {
	stored := storedReader{s: payload, form: form}
	if r.Event, err = stored.event(in, t); err != nil {
		return fmt.Errorf("%w: position %d: %w", ErrCorrupt, r.Position, err)
	}
	if !r.intactAs(&stored) {
		return fmt.Errorf("%w: position %d: its digest is not that of the stored event", ErrCorrupt, r.Position)
	}
	return nil
}

func (r *Recorded) elsewhere(campaign string) error {
	return fmt.Errorf("%w: position %d: it is kept under campaign %q, and is of %q", ErrCorrupt, r.Position, campaign, r.Event.Subject())
}

// NaturalID returns the ID that follows from the event, and whether one does: that of a
// registration that is as it was sent. A registration may have another one where
// an earlier release, to which those of one participant were several, appended it beside the
// one that has it.
func (r *Recorded) NaturalID() (id ID, ok bool) {
	if e, is := r.Event.(*ParticipantRegistered); is && !e.Erased() && !e.Redacted {
		return registrationID(e), true
	}
	return id, false
}

// CheckTime returns [ErrCorrupt] where the time that a log keeps beside an event, and the digest
// does not cover, is not the event's own. Nothing is known of that of an erased one.
func (r *Recorded) CheckTime() error {
	var own time.Time
	switch e := r.Event.(type) {
	case *ParticipantRegistered:
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

// intactAs is [Recorded.Intact] for an event that was decoded from a stored form. It hashes
// the bytes that are there rather than encode the event once more, for replays.
func (r *Recorded) intactAs(stored *storedReader) bool {
	if stored.form != CurrentForm || r.Overwritten() {
		return r.Intact()
	}
	var buffer [512]byte
	content := appendDomain(buffer[:0], "digest", r.Event.Type())
	content = append(content, stored.s[:stored.pseudonymFrom]...)
	content = append(content, stored.s[stored.pseudonymTo:]...)
	sum := sha256.Sum256(content)
	var d Digest
	copy(d[:contentBytes], sum[:])
	if e, ok := r.Event.(*ParticipantRegistered); ok {
		d = d.WithPseudonym(e.Pseudonym)
	}
	return d == r.Digest
}

const pseudonymMember = `,"pseudonym":"`
