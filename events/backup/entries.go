package backup

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"jangbu/events"
)

// letter is an [events.DeadLetter] in a backup.
type letter struct {
	ID        string         `json:"id"`
	Topic     string         `json:"topic"`
	Partition int32          `json:"partition"`
	Offset    int64          `json:"offset"`
	Timestamp time.Time      `json:"timestamp"`
	Reason    events.Reason  `json:"reason"`
	Detail    string         `json:"detail"`
	Sealed    []byte         `json:"sealed"`
	BuriedAt  time.Time      `json:"buriedAt"`
	Discarded *letterGivenUp `json:"discarded,omitempty"`
}

type letterGivenUp struct {
	At  time.Time `json:"at"`
	By  string    `json:"by"`
	Why string    `json:"why"`
}

func letterOf(d *events.DeadLetter) letter {
	return letter{
		ID: d.ID.String(), Topic: d.Topic, Partition: d.Partition, Offset: d.Offset, Timestamp: d.Timestamp,
		Reason: d.Reason, Detail: d.Detail, Sealed: d.Sealed, BuriedAt: d.BuriedAt, Discarded: (*letterGivenUp)(d.Discarded),
	}
}

func (l letter) deadLetter() (events.DeadLetter, error) {
	id, err := events.ParseID(l.ID)
	if err != nil {
		return events.DeadLetter{}, fmt.Errorf("%w: a dead letter: %w", ErrDamaged, err)
	}
	return events.DeadLetter{
		ID: id, Topic: l.Topic, Partition: l.Partition, Offset: l.Offset, Timestamp: l.Timestamp,
		Reason: l.Reason, Detail: l.Detail, Sealed: l.Sealed, BuriedAt: l.BuriedAt, Discarded: (*events.Discarded)(l.Discarded),
	}, nil
}

// source is an [events.SourceState] in a backup.
type source struct {
	Topic     string     `json:"topic"`
	TopicID   uuid.UUID  `json:"topicId"`
	Partition int32      `json:"partition"`
	Next      int64      `json:"next"`
	ReadAt    time.Time  `json:"readAt"`
	Gaps      int64      `json:"gaps"`
	Lost      int64      `json:"lost"`
	GapAt     *time.Time `json:"gapAt,omitempty"`
}

func sourceOf(s events.SourceState) source {
	stored := source{s.Topic, uuid.UUID(s.TopicID), s.Partition, s.Next, s.ReadAt, s.Gaps, s.Lost, nil}
	if !s.GapAt.IsZero() {
		stored.GapAt = &s.GapAt
	}
	return stored
}

func (s source) state() events.SourceState {
	state := events.SourceState{
		Source: events.Source{Topic: s.Topic, TopicID: events.TopicID(s.TopicID), Partition: s.Partition},
		Next:   s.Next, ReadAt: s.ReadAt, Gaps: s.Gaps, Lost: s.Lost,
	}
	if s.GapAt != nil {
		state.GapAt = *s.GapAt
	}
	return state
}

// access is an [events.Access] in a backup. It has no ID: a log gives it another one.
type access struct {
	At      time.Time `json:"at"`
	Command string    `json:"command"`
	Subject string    `json:"subject"`
	Who     string    `json:"who"`
	Why     string    `json:"why"`
}

// right is an [events.WithdrawnRight] in a backup: a subject that identifies a person is hashed.
type right struct {
	At      time.Time   `json:"at"`
	Subject string      `json:"subject,omitempty"`
	Key     string      `json:"subjectKey,omitempty"`
	Hash    string      `json:"subjectHash,omitempty"`
	Shop    events.Shop `json:"storeId,omitempty"`
	Who     string      `json:"who"`
	Why     string      `json:"why"`
}

func rightOf(w events.WithdrawnRight) right {
	name, key, hash := w.Subject.Kept()
	return right{w.At, name, hex.EncodeToString(key), hex.EncodeToString(hash), w.Shop, w.Who, w.Why}
}

func (r right) withdrawn() (events.WithdrawnRight, error) {
	key, err := hex.DecodeString(r.Key)
	if err != nil {
		return events.WithdrawnRight{}, fmt.Errorf("%w: a withdrawn right: %w", ErrDamaged, err)
	}
	hash, err := hex.DecodeString(r.Hash)
	if err != nil {
		return events.WithdrawnRight{}, fmt.Errorf("%w: a withdrawn right: %w", ErrDamaged, err)
	}
	subject, err := events.KeptSubject(r.Subject, key, hash)
	if err != nil {
		return events.WithdrawnRight{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return events.WithdrawnRight{Subject: subject, Shop: r.Shop, Who: r.Who, Why: r.Why, At: r.At}, nil
}

// key is an [events.KeyEntry] in a backup: wrapped by the master key, which is in none.
type key struct {
	Campaign events.Campaign `json:"eventId"`
	Wrapped  []byte          `json:"wrapped"`
	AddedAt  time.Time       `json:"addedAt"`
}
