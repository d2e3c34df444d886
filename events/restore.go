package events

import (
	"fmt"
	"time"
)

// Unrestored returns those of the events that a log does not hold yet, of which
// it holds some: at their positions, in order, all up to its head. lastRecorded
// is that of the head, zero while the log is empty. [ErrNotNext] where the
// events cannot be restored.
func Unrestored(recorded, held []Recorded, head Position, lastRecorded time.Time) ([]Recorded, error) {
	for i := 1; i < len(recorded); i++ {
		last, r := &recorded[i-1], &recorded[i]
		if r.Position != last.Position+1 {
			return nil, fmt.Errorf("%w: position %d comes after %d", ErrNotNext, r.Position, last.Position)
		}
		if r.RecordedAt.Before(last.RecordedAt) {
			return nil, fmt.Errorf("%w: position %d was recorded before %d", ErrNotNext, r.Position, last.Position)
		}
	}
	for i := range held {
		if !recorded[i].same(&held[i]) {
			return nil, fmt.Errorf("%w: position %d holds another event", ErrNotNext, held[i].Position)
		}
	}
	rest := recorded[len(held):]
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

// same reports whether both are one event, recorded at the same place and time.
// Equal digests are equal content.
func (r *Recorded) same(other *Recorded) bool {
	return r.Position == other.Position && r.ID == other.ID && r.Digest == other.Digest &&
		r.OccurredAt.Equal(other.OccurredAt) && r.RecordedAt.Equal(other.RecordedAt) &&
		r.Event.Type() == other.Event.Type() && r.Event.Subject() == other.Event.Subject()
}
