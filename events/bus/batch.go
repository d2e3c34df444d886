package bus

import (
	"context"
	"fmt"
	"time"

	"jangbu/events"
	"jangbu/events/privacy"
)

// batch is records of one topic, split into those that may enter the log and those that
// may not.
type batch struct {
	good []registrable
	bad  []refusal
}

// registrable is a decoded record; e164 is set where it has a phone number.
type registrable struct {
	events.Decoded
	record int // index in the records
	e164   string
}

// refusal is a record that cannot become an event.
type refusal struct {
	record int
	reason events.Reason
	detail string
}

// judge decodes records of a topic that carries events of type t. What is good has no pseudonyms
// yet. New records and dead letters both pass through it.
func judge(t events.Type, records []events.Record, now time.Time) *batch {
	b := &batch{good: make([]registrable, len(records))}
	var decoder events.Decoder
	n := 0
	for i := range records {
		g := &b.good[n]
		if err := decoder.Decode(&g.Decoded, t, &records[i], now); err != nil {
			b.bad = append(b.bad, refusal{i, events.ReasonOf(err), err.Error()})
			continue
		}
		if g.Event.Type() == events.TypeParticipantRegistered {
			var err error
			if g.e164, err = events.NormalizePhone(g.Phone.Reveal()); err != nil {
				b.bad = append(b.bad, refusal{i, events.ReasonMalformed, "phoneNumber: " + err.Error()})
				continue
			}
		}
		g.record = i
		n++
	}
	clear(b.good[n:])
	b.good = b.good[:n]
	return b
}

const damagedKey = "the key store's entry of its campaign is damaged; restore it, then jangbu deadletters retry"

// pseudonymise turns phone numbers into pseudonyms. It moves the registrations of campaigns
// whose key is damaged to the bad ones: the others of the partition go on (I5). The error is of the
// key store.
func (b *batch) pseudonymise(ctx context.Context, keeper *privacy.Keeper) error {
	var requests []privacy.Request
	for i := range b.good {
		if g := &b.good[i]; g.e164 != "" {
			if requests == nil {
				requests = make([]privacy.Request, 0, len(b.good)-i)
			}
			requests = append(requests, privacy.Request{Campaign: g.Event.Subject(), Phone: g.e164})
		}
	}
	if len(requests) == 0 {
		return nil
	}
	pseudonyms, damaged, err := keeper.Pseudonyms(ctx, requests)
	if err != nil {
		return fmt.Errorf("pseudonymise: %w", err)
	}
	next, kept := 0, 0
	for i := range b.good {
		g := &b.good[i]
		if g.e164 != "" {
			pseudonym := pseudonyms[next]
			next++
			if len(damaged) > 0 && damaged[g.Event.Subject()] {
				b.bad = append(b.bad, refusal{g.record, events.ReasonKey, damagedKey})
				continue
			}
			g.SetPseudonym(pseudonym)
		}
		if kept < i {
			b.good[kept] = *g
		}
		kept++
	}
	b.good = b.good[:kept]
	return nil
}
