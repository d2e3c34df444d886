package pglog

import (
	"slices"
	"time"

	"jangbu/events"
	"jangbu/events/segments"
)

// batch is the drafts of one append with their outcomes.
type batch struct {
	drafts   []events.Draft
	outcomes []events.Outcome
	// firsts are the indexes of the drafts that are the first of their identity,
	// in order; rows holds them, the k-th up to ends[k].
	firsts  []int
	rows    rowBuffer
	ends    []int
	repeats []repeat
	// otherShop are the indexes of the drafts that describe a campaign of another shop.
	otherShop []int

	// recordedAt is when its new events are recorded, after the event at before, when the
	// database's clock said now.
	before          events.Position
	recordedAt, now time.Time
}

// repeat is a draft with the identity of an earlier one of its batch.
type repeat struct {
	draft int // index in drafts
	first int // index in firsts
}

// identity is equal for two drafts of the same event (I4).
type identity struct {
	campaign events.Campaign
	id       events.ID
}

// newBatch encodes the drafts, before the head row is locked, so that no writer
// waits for it, into the memory of rows. Its outcomes assume that the log holds none of them.
func newBatch(drafts []events.Draft, rows rowBuffer) *batch {
	b := &batch{
		drafts:   drafts,
		outcomes: make([]events.Outcome, len(drafts)),
		firsts:   make([]int, 0, len(drafts)),
		ends:     make([]int, 0, len(drafts)),
		rows:     slices.Grow(rows[:0], usualRow*len(drafts)),
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
		b.rows = b.rows.add(0, time.UnixMicro(epoch), d)
		b.ends = append(b.ends, len(b.rows))
	}
	b.judge(make([]*events.Digest, len(b.firsts)))
	return b
}

// judge sets every draft's outcome, given the digests that the log holds under the
// identities of firsts, nil for none. A repeat is compared with the log's own event
// if there is one, else with the first draft of its identity. judge changes stored.
func (b *batch) judge(stored []*events.Digest) {
	for k, i := range b.firsts {
		if stored[k] == nil {
			b.outcomes[i] = events.Appended
			stored[k] = &b.drafts[i].Digest
			continue
		}
		b.outcomes[i] = b.drafts[i].OutcomeBeside(*stored[k])
	}
	for _, r := range b.repeats {
		b.outcomes[r.draft] = b.drafts[r.draft].OutcomeBeside(*stored[r.first])
	}
	for _, i := range b.otherShop {
		b.outcomes[i] = events.OtherShop
	}
}

// count counts the outcomes. What is refused is not part of the account: the caller
// buries its records.
func (b *batch) count() (appended, duplicates int) {
	for _, o := range b.outcomes {
		switch o {
		case events.Appended:
			appended++
		case events.Duplicate:
			duplicates++
		case events.Conflict, events.OtherShop:
		}
	}
	return appended, duplicates
}

// origins returns the origins of its new events.
func (b *batch) origins() (from events.Origins) {
	for _, i := range b.firsts {
		if b.outcomes[i] == events.Appended {
			from.Add(b.drafts[i].Origin)
		}
	}
	return from
}

// identities returns those of firsts.
func (b *batch) identities() (all identities) {
	for _, i := range b.firsts {
		all.add(b.drafts[i].Event.Subject(), b.drafts[i].ID)
	}
	return all
}

// placed returns the rows of the new events by their segments, at the positions after before,
// and the mark of the last one.
func (b *batch) placed(before events.Mark, among []segments.Range) (rowBuffers, events.Mark) {
	mark, start := before, 0
	appended, _ := b.count()
	all := appended == len(b.firsts)
	var placed rowBuffers
	for k, i := range b.firsts {
		from := start
		row := b.rows[from:b.ends[k]]
		start = b.ends[k]
		if b.outcomes[i] != events.Appended {
			continue
		}
		mark = mark.Next(row.digest(0)) // not the draft's, which is not in the processor's cache
		row.place(0, mark.Position, b.recordedAt)
		to := placed.at(mark.Position, among)
		switch {
		case !all:
			to.rows = append(to.rows, row...)
		case len(to.rows) == 0:
			to.rows = row // the rows that follow are behind it
		default:
			to.rows = to.rows[:len(to.rows)+len(row)]
		}
	}
	return placed, mark
}
