package pglog

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/events"
)

// batch is what one append brings: drafts, each ID of which is copied once.
type batch struct {
	drafts   []events.Draft
	outcomes []events.Outcome
	// firsts are the drafts that are the first of their identity, by index and
	// in order; payloads holds their stored forms, the k-th up to ends[k].
	firsts   []int
	payloads []byte
	ends     []int
	repeats  []repeat
}

// repeat is a draft whose identity an earlier one of its batch has.
type repeat struct {
	draft int // index in drafts
	first int // index in firsts
}

// identity is what makes two drafts the same event (I4).
type identity struct {
	campaign events.Campaign
	id       events.ID
}

// newBatch sorts the drafts out and encodes them, before the head row is
// taken: nobody waits for it. It judges as if the log held none of them.
func newBatch(drafts []events.Draft) *batch {
	b := &batch{
		drafts:   drafts,
		outcomes: make([]events.Outcome, len(drafts)),
		firsts:   make([]int, 0, len(drafts)),
		ends:     make([]int, 0, len(drafts)),
	}
	seen := make(map[identity]int, len(drafts))
	for i := range drafts {
		d := &drafts[i]
		key := identity{d.Event.Subject(), d.ID}
		if first, ok := seen[key]; ok {
			b.repeats = append(b.repeats, repeat{draft: i, first: first})
			continue
		}
		seen[key] = len(b.firsts)
		b.firsts = append(b.firsts, i)
		b.payloads = events.AppendStored(b.payloads, d.Event)
		b.ends = append(b.ends, len(b.payloads))
	}
	b.judge(make([]*events.Digest, len(b.firsts)))
	return b
}

// judge sets every draft's outcome, given what the log holds of each of the
// firsts' identities. A repeat is compared with what the log then holds: with
// the log's own event where there was one, else with the first that is written.
func (b *batch) judge(held []*events.Digest) {
	for k, i := range b.firsts {
		if held[k] == nil {
			b.outcomes[i] = events.Appended
			held[k] = &b.drafts[i].Digest
			continue
		}
		b.outcomes[i] = verdict(*held[k], b.drafts[i].Digest)
	}
	for _, r := range b.repeats {
		b.outcomes[r.draft] = verdict(*held[r.first], b.drafts[r.draft].Digest)
	}
}

func verdict(held, digest events.Digest) events.Outcome {
	if held.Conflicts(digest) {
		return events.Conflict
	}
	return events.Duplicate
}

func (b *batch) count() (appended, duplicates int) {
	for _, o := range b.outcomes {
		switch o {
		case events.Appended:
			appended++
		case events.Duplicate:
			duplicates++
		case events.Conflict: // not ours to count: the caller buries it
		}
	}
	return appended, duplicates
}

// copyRows is the batch's new events as a pgx.CopyFromSource.
type copyRows struct {
	batch      *batch
	next       int   // index in firsts
	position   int64 // of the row at next
	recordedAt time.Time
	values     [8]any
}

// Next moves on to the next first draft that is new.
func (r *copyRows) Next() bool {
	for r.next++; r.next < len(r.batch.firsts); r.next++ {
		if r.batch.outcomes[r.batch.firsts[r.next]] == events.Appended {
			r.position++
			return true
		}
	}
	return false
}

// Values returns the row in the order of copyEvents' columns.
func (r *copyRows) Values() ([]any, error) {
	b, start := r.batch, 0
	if r.next > 0 {
		start = b.ends[r.next-1]
	}
	d := &b.drafts[b.firsts[r.next]]
	r.values = [...]any{
		r.position,
		d.OccurredAt,
		r.recordedAt,
		int16(d.Event.Type()),
		pgtype.UUID{Bytes: d.ID, Valid: true},
		d.Digest[:],
		string(d.Event.Subject()),
		b.payloads[start:b.ends[r.next]],
	}
	return r.values[:], nil
}

// Err returns nil: nothing here can fail.
func (r *copyRows) Err() error { return nil }
