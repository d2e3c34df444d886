package events

import (
	"fmt"
	"time"
)

// Unrestored returns the events of recorded that a log lacks; adapters call it in
// Restore. stored are the log's events at the positions of recorded, in order and
// up to its head. lastRecorded is the RecordedAt of the head, zero while the log
// is empty. [ErrNotNext] if the events cannot be restored.
func Unrestored(recorded, stored []Recorded, head Position, lastRecorded time.Time) ([]Recorded, error) {
	for i := 1; i < len(recorded); i++ {
		last, r := &recorded[i-1], &recorded[i]
		if r.Position != last.Position+1 {
			return nil, fmt.Errorf("%w: position %d comes after %d", ErrNotNext, r.Position, last.Position)
		}
		if r.RecordedAt.Before(last.RecordedAt) {
			return nil, fmt.Errorf("%w: position %d was recorded before %d", ErrNotNext, r.Position, last.Position)
		}
	}
	for i := range stored {
		if !recorded[i].same(&stored[i]) {
			return nil, fmt.Errorf("%w: position %d holds another event", ErrNotNext, stored[i].Position)
		}
	}
	rest := recorded[len(stored):]
	switch {
	case len(rest) == 0:
		return nil, nil
	case rest[0].Position != head+1:
		return nil, fmt.Errorf("%w: position %d, but the head is at %d", ErrNotNext, rest[0].Position, head)
	case rest[0].RecordedAt.Before(lastRecorded):
		return nil, fmt.Errorf("%w: position %d was recorded before the head", ErrNotNext, rest[0].Position)
	}
	return rest, nil
}

// same reports whether both are the same event at the same position, recorded at
// the same time. Equal digests mean equal content.
func (r *Recorded) same(other *Recorded) bool {
	return r.Position == other.Position && r.ID == other.ID && r.Digest == other.Digest &&
		r.OccurredAt.Equal(other.OccurredAt) && r.RecordedAt.Equal(other.RecordedAt) &&
		r.Event.Type() == other.Event.Type() && r.Event.Subject() == other.Event.Subject()
}
