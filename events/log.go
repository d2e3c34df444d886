package events

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Position is an event's place in the log: gapless, 1-based, in commit order
// (I2). 0 stands before the first event.
type Position int64

// Draft is a checked event that is not yet in the log.
type Draft struct {
	ID     ID
	Digest Digest
	// FormerDigest is the digest that earlier releases made of the same record, which kept
	// the texts of a registration as they came; zero where it is the same (I4).
	FormerDigest Digest
	// OccurredAt is the event's own time, or its record's timestamp if it has
	// none: whole microseconds, UTC.
	OccurredAt time.Time
	// Origin is the record that the event came from.
	Origin Origin
	Event  Event
}

// Recorded is an event in the log.
type Recorded struct {
	Position   Position
	ID         ID
	Digest     Digest
	OccurredAt time.Time // see Draft.OccurredAt
	// RecordedAt is the time of the append, by the clock of the log that first
	// appended the event: whole microseconds, UTC, never before that of an
	// earlier position.
	RecordedAt time.Time
	// Origin is the record that the event first came from. It is zero in what a log reads
	// until [Sources.Trace] has found it.
	Origin Origin
	Event  Event
}

// Receipt says what an append did.
type Receipt struct {
	// Outcomes holds that of each draft, in their order.
	Outcomes []Outcome
	// First is the position of the first draft that was appended, if one was. The others that
	// were appended have the positions after it, in their order.
	First Position
	// RecordedAt is that of the events that were appended, if one was.
	RecordedAt time.Time
}

// Cut returns the receipts of the first n drafts and of the others.
func (r Receipt) Cut(n int) (first, others Receipt) {
	// Without spare capacity: who appends to the first outcomes must not overwrite the others.
	first, others = r, r
	first.Outcomes, others.Outcomes = r.Outcomes[:n:n], r.Outcomes[n:]
	others.First += Position(first.appended())
	return first, others
}

// appended returns how many drafts were appended.
func (r Receipt) appended() (n int) {
	for _, o := range r.Outcomes {
		if o == Appended {
			n++
		}
	}
	return n
}

// Recorded returns the events that the append of the drafts added to the log.
func (r Receipt) Recorded(drafts []Draft) []Recorded {
	added := make([]Recorded, 0, r.appended())
	for i, o := range r.Outcomes {
		if o == Appended {
			d := &drafts[i]
			added = append(added, Recorded{
				Position: r.First + Position(len(added)), ID: d.ID, Digest: d.Digest,
				OccurredAt: d.OccurredAt, RecordedAt: r.RecordedAt, Event: d.Event,
			})
		}
	}
	return added
}

// Outcome is the result of appending one draft.
type Outcome uint8

// The outcomes of an append.
const (
	// Appended: the event has a new position.
	Appended Outcome = iota + 1
	// Duplicate: the log, or an earlier draft of the same append, holds the
	// same ID with the same content.
	Duplicate
	// Conflict: the log, or an earlier draft of the same append, holds the same
	// ID with other content. Nothing is written; the caller buries the record.
	Conflict
	// OtherShop: an EventCreated names another shop than that of its campaign, and is
	// no [NewMove]. Nothing is written; the caller buries the record.
	OtherShop
)

// Outcomes returns the outcomes.
func Outcomes() []Outcome { return []Outcome{Appended, Duplicate, Conflict, OtherShop} }

// CountOutcomes counts those of drafts that the log holds, as its account does. What is refused is
// no part of that: the caller buries its records.
func CountOutcomes(all []Outcome) (appended, duplicates int) {
	for _, o := range all {
		switch o {
		case Appended:
			appended++
		case Duplicate:
			duplicates++
		case Conflict, OtherShop:
		}
	}
	return appended, duplicates
}

// String returns the outcome's name.
func (o Outcome) String() string {
	switch o {
	case Appended:
		return "appended"
	case Duplicate:
		return "duplicate"
	case Conflict:
		return "conflict"
	case OtherShop:
		return "other-shop"
	default:
		return "no outcome"
	}
}

// Refusal returns why a draft with the ID did not pass, and what the dead letter of its
// record says. It returns no reason where the log holds the draft.
func (o Outcome) Refusal(id ID) (r Reason, detail string) {
	switch o {
	case Conflict:
		return ReasonConflict, "the log holds event " + id.String() + " with other content"
	case OtherShop:
		return ReasonOtherShop, "the campaign is another shop's; expected its storeId, or that the campaign is moved first: jangbu campaigns move"
	case Appended, Duplicate:
	}
	return "", ""
}

// Totals is the log's account of the records it received (I5): Received = Head +
// Duplicates + DeadLettered, which a constraint of the database enforces in
// every committed state.
type Totals struct {
	Head         Position
	Received     int64
	Duplicates   int64
	DeadLettered int64
	// Discarded counts the dead-lettered records that were discarded.
	Discarded int64
	// Restoring is the position of the last event of an import that has not come to it; 0
	// where none is under way.
	Restoring Position
	// RecordedAt is that of the event at Head; zero while the log is empty.
	RecordedAt time.Time
}

// Whole returns [ErrUnfinished] while the log is being restored.
func (t Totals) Whole() error {
	if t.Restoring > 0 {
		return fmt.Errorf("%w: it has %d of %d events; the same jangbu events import goes on, or restore the log from a backup", ErrUnfinished, t.Head, t.Restoring)
	}
	return nil
}

// Check returns [ErrCorrupt] if the account does not add up, or if last, the
// position of the last stored event, is not the head.
func (t Totals) Check(last Position) error {
	switch {
	case t.Received != int64(t.Head)+t.Duplicates+t.DeadLettered:
		return fmt.Errorf("%w: received %d, but head %d + duplicates %d + dead letters %d",
			ErrCorrupt, t.Received, t.Head, t.Duplicates, t.DeadLettered)
	case t.Head != last:
		return fmt.Errorf("%w: the head is at %d, the last event at %d", ErrCorrupt, t.Head, last)
	}
	return nil
}

// CheckConsecutive returns [ErrGap] unless read holds every position after one
// and through another (I2).
func CheckConsecutive(read []Recorded, after, through Position) error {
	for i := range read {
		if want := after + 1 + Position(i); read[i].Position != want {
			return fmt.Errorf("%w: position %d in the place of %d", ErrGap, read[i].Position, want)
		}
	}
	if last := after + Position(len(read)); last != through {
		return fmt.Errorf("%w: position %d is missing, expected all through %d", ErrGap, last+1, through)
	}
	return nil
}

// MaxReadBytes bounds the stored forms that one read returns (I14). A read returns an
// event beyond it where it would return none.
const MaxReadBytes = 16 << 20

// Stream selects events of one campaign, in log order.
type Stream struct {
	Campaign Campaign
	After    Position // exclusive
	// Through is the last position selected; 0 sets no bound.
	Through Position
	// AsOf is the last RecordedAt selected; zero sets no bound.
	AsOf time.Time
	// Types are the types selected; none selects all. Where they are among
	// [RareTypes], no event of another type is read.
	Types []Type
	// Limit is the maximum number of events that one call returns; at least 1.
	Limit int
}

// Sentinels of the log.
var (
	// ErrAway: the database cannot be reached, or ended the connection. Nothing is wrong with
	// what was asked for, and it may be asked again.
	ErrAway = errors.New("the database is away")
	// ErrGap: positions read were not consecutive. The log is damaged; the
	// process must stop rather than serve a wrong number (I2).
	ErrGap = errors.New("log positions are not consecutive")
	// ErrCorrupt: the head row is missing, a stored event cannot be read back, a
	// position beyond the head is taken, or the account does not add up. It is
	// never returned for a fault that may pass.
	ErrCorrupt = errors.New("log is corrupt")
	// ErrUnfinished: an import was begun, so the log is a part of another one. Nothing else
	// is appended, and it is not served, before it is whole.
	ErrUnfinished = errors.New("the import of the log is unfinished")
	// ErrNotNext: events to be restored do not continue the log, or differ from
	// those that it holds at their positions.
	ErrNotNext = errors.New("events do not follow those of the log")
)

// Appender appends to the log. It is a [Log], or a decorator of one.
type Appender interface {
	// Append writes the drafts after the head of the log, in their order and in
	// one transaction, and says what became of each. Appended and duplicate
	// drafts are counted as received; a conflict writes and counts nothing.
	// It also writes how far the sources of the drafts have been read, but of none
	// of whose drafts one conflicts; ErrBehind if the log has not read one of them
	// up to there. After an error the caller appends the same
	// drafts again: those that were written nevertheless are duplicates then (I1).
	// ErrCorrupt if the head row is missing, the next position is taken, or the
	// chain does not end at the head, ErrUnfinished while the log is being restored.
	Append(ctx context.Context, drafts []Draft, read ...Reading) (Receipt, error)
}

// Queue appends to the log by group commit.
type Queue interface {
	// Begin begins an append, as [Appender] describes it, and returns at once. What it returns
	// waits for the end of the append and must be called. Appends of one source are
	// written in the order in which they were begun.
	Begin(ctx context.Context, drafts []Draft, read ...Reading) (wait func() (Receipt, error))
}

// Log is the append-only event store. Every method returns the context's error
// when the context ends first.
type Log interface {
	Appender
	Companions

	// Restore writes consecutive events at their own positions and recording
	// times, in one transaction, and counts them as received. It skips events
	// that the log holds already, so restoring again is always right. ErrNotNext
	// if an event differs from the one that the log holds at its position, if
	// the first new one does not follow the head or was recorded before it, or
	// if an ID has another position; nothing is written then. ErrCorrupt if the
	// head row is missing or the next position is taken.
	// The restoration ends with the event at position whole: until then the log is
	// unfinished ([Totals.Whole]). 0 restores no more than these events.
	Restore(ctx context.Context, recorded []Recorded, whole Position) error
	// Read returns at most limit events after a position, in order, and no more
	// than [MaxReadBytes] allow. It returns none only at the end of the log.
	// ErrGap if positions are not consecutive, ErrCorrupt if the head row is
	// missing, an event cannot be decoded or its digest is not that of its stored form.
	Read(ctx context.Context, after Position, limit int) ([]Recorded, error)
	// ReadStream returns the first of the selected events of one campaign, at most
	// s.Limit and no more than [MaxReadBytes] allow. It returns none only where no
	// other is selected. ErrCorrupt if an event cannot be decoded or was edited, as Read.
	ReadStream(ctx context.Context, s Stream) ([]Recorded, error)
	// Digests returns the digest that the log holds under each draft's campaign
	// and ID; nil if it holds none. ErrCorrupt if a digest has a wrong length.
	Digests(ctx context.Context, drafts []Draft) ([]*Digest, error)
	// Totals returns the head and the account. ErrCorrupt if the head row is
	// missing, the account does not add up, or the last event is not at the head.
	Totals(ctx context.Context) (Totals, error)
	// Wait returns the head once it is beyond after. It sees appends of the same
	// handle at once and those of others within 100 ms. ErrCorrupt if the head
	// row is missing.
	Wait(ctx context.Context, after Position) (Position, error)
	// Chain returns the log's hash chain.
	Chain() Chain
}

// Companions are what the database of a log keeps beside its events.
type Companions interface {
	// DeadLetters returns the dead letters that share this log's account.
	DeadLetters() DeadLetters
	// Sources returns how far the sources of this log have been read.
	Sources() Sources
	// Erasures erases persons from this log's events.
	Erasures() Erasures
	// Accesses keeps the record of what operators did with this log.
	Accesses() Accesses
	// Rights keeps which rights to read were withdrawn.
	Rights() Rights
	// RestoreBeside adds what is not there, as it is and with its times, in one transaction:
	// restoring again is always right. A letter that is added counts as received and
	// dead-lettered. [ErrCorrupt] if the log's head row is missing.
	RestoreBeside(ctx context.Context, b Beside) error
}
