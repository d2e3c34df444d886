package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// TopicID distinguishes a Kafka topic from an earlier one of the same name (KIP-516).
// It is zero where the broker gives none.
type TopicID [16]byte

// String returns the ID in the form of RFC 9562, section 4.
func (id TopicID) String() string { return uuid.UUID(id).String() }

// Source is a Kafka topic partition that is read.
type Source struct {
	Topic     string
	TopicID   TopicID
	Partition int32
}

// ErrBehind means that a log has not read a source up to where the records come from that
// it is to take in: it went back, or it is another log (I13). Nothing was written; the
// source must be read again from where the log says.
var ErrBehind = errors.New("the log is behind its source")

// BehindError is the [ErrBehind] of one source.
type BehindError struct {
	Reading
	Read int64 // the offset up to which the log has read the source
}

// Error implements error.
func (e *BehindError) Error() string {
	return fmt.Sprintf("%v: %s/%d was read up to offset %d, not %d", ErrBehind, e.Topic, e.Partition, e.Read, e.First)
}

// Unwrap returns [ErrBehind].
func (e *BehindError) Unwrap() error { return ErrBehind }

// Reading is how far a source has been read: each of its records before Next is in the
// log or a dead letter, once the drafts or letters that it comes with are written.
type Reading struct {
	Source
	// First is the offset from which the records were read that come with it; those
	// before it must have been read into this log. 0 says nothing of them.
	First int64
	Next  int64 // offset of the next record to read
	// From and To bound the drafts of the append that came from the source: those with
	// index From up to To-1. A burial ignores them.
	From, To int
}

// Unrefused returns the readings whose drafts all were appended or are duplicates, the
// last one of each source. Of a source with a refused draft the caller has records to bury yet.
// Adapters call it before they write readings.
func Unrefused(read []Reading, outcomes []Outcome) []Reading {
	type partition struct {
		topic  string
		number int32
	}
	var all []Reading
	at := make(map[partition]int, len(read)) // index in all; -1 where a draft is refused
	for _, r := range read {
		key := partition{r.Topic, r.Partition}
		i, seen := at[key]
		switch {
		case seen && i < 0:
		case len(outcomes) > 0 && slices.ContainsFunc(outcomes[r.From:r.To], func(o Outcome) bool { return o == Conflict || o == OtherShop }):
			at[key] = -1
		case seen:
			all[i] = r
		default:
			at[key] = len(all)
			all = append(all, r)
		}
	}
	return all
}

// Firsts returns the first reading of each source that says what was read before it, for
// an adapter to compare with the log's own state: see [SourceState.Behind].
func Firsts(read []Reading) []Reading {
	var all []Reading
	for i, r := range read {
		if r.First > 0 && !slices.ContainsFunc(read[:i], func(o Reading) bool { return o.Topic == r.Topic && o.Partition == r.Partition }) {
			all = append(all, r)
		}
	}
	return all
}

// Behind returns a [*BehindError] unless the source has been read up to where the reading
// begins. The state of a source that the log does not know is the zero value.
func (s SourceState) Behind(r Reading) error {
	var none TopicID
	if r.First <= s.Next && (s.TopicID == r.TopicID || s.TopicID == none || r.TopicID == none) {
		return nil
	}
	return &BehindError{Reading: r, Read: s.Next}
}

// SourceState is what a log knows of a source.
type SourceState struct {
	Source
	Next   int64     // offset of the next record to read
	ReadAt time.Time // when Next was last written; whole microseconds, UTC
	// Gaps counts the gaps that were found: offsets that retention passed before they
	// were read, and topics that were made anew. Lost is how many records the former
	// held, at most.
	Gaps  int64
	Lost  int64
	GapAt time.Time // of the last gap; zero without one
}

// Sources keeps how far each source has been read, and which event came from where, in the
// database of a [Log], whose appends write it in the same transaction (I1). There is one
// entry for a topic and partition.
type Sources interface {
	// List returns all, sorted by topic, by bytes, and partition.
	List(ctx context.Context) ([]SourceState, error)
	// Trace sets the origins, as far as they are known, of events that were read from the
	// log, in log order. ErrCorrupt where they cannot be read.
	Trace(ctx context.Context, read []Recorded) error
	// Skip records a gap: the source goes on at next, and lost records were not read.
	// It is called once for each gap; calling it again counts another one.
	Skip(ctx context.Context, s Source, next, lost int64) error
}
