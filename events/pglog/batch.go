package pglog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/segments"
)

// batch is the drafts of one append with their outcomes.
type batch struct {
	drafts   []events.Draft
	outcomes []events.Outcome
	// firsts are the indexes of the drafts that are the first of their identity, in order.
	firsts  []int
	of      identities // of firsts
	repeats []repeat
	// otherShop are the indexes of the drafts that describe a campaign of another shop.
	otherShop []int

	// recordedAt is when its new events are recorded, after the event at before, when the
	// database's clock said now.
	before          events.Position
	recordedAt, now time.Time
	// own is the append without its keys.
	own segments.Append
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

// newBatch returns a batch of the drafts. Its outcomes assume that the log holds none of them.
func newBatch(drafts []events.Draft) *batch {
	b := &batch{
		drafts:   drafts,
		outcomes: make([]events.Outcome, len(drafts)),
		firsts:   make([]int, 0, len(drafts)),
		of:       identitiesFor(len(drafts)),
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
		b.of.add(key.campaign, key.id)
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

func (b *batch) count() (appended, duplicates int) { return events.CountOutcomes(b.outcomes) }

// appended returns the append of the batch, which was committed with new events.
func (b *batch) appended() segments.Append {
	a := b.own
	a.Keys = make([]segments.Key, 0, len(b.firsts))
	for k, i := range b.firsts {
		if b.outcomes[i] == events.Appended {
			a.Keys = append(a.Keys, b.of.keys[k])
		}
	}
	return a
}

// placing gives the new events of a batch their places, one after another.
type placing struct {
	*batch
	next int            // index in firsts
	mark events.Mark    // of the last one
	from events.Origins // of those that have their places
}

// place places the next new event.
func (p *placing) place() row {
	for p.outcomes[p.firsts[p.next]] != events.Appended {
		p.next++
	}
	d := &p.drafts[p.firsts[p.next]]
	p.next++
	p.mark = p.mark.Next(d.Digest)
	p.from.Add(d.Origin)
	return row{p.mark.Position, p.recordedAt, d}
}

// copyTo copies the new events into their segments, after the mark of the head, and has end
// store the link of the last one and the origins of all.
func (b *batch) copyTo(ctx context.Context, conn *pgx.Conn, end *pgx.Batch, among []segments.Range, before events.Mark) error {
	appended, _ := b.count()
	p := placing{batch: b, mark: before}
	if err := copyRows(ctx, conn, among, before.Position+1, before.Position+events.Position(appended), p.place); err != nil {
		return err
	}
	b.own.Before, b.own.After = before, p.mark
	queueLink(end, p.mark, p.from)
	return nil
}
