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

// judge decodes records of a topic that carries events of type t, and turns phone
// numbers into pseudonyms. It returns an error only where the key store fails. New
// records and dead letters both pass through it.
func judge(ctx context.Context, keeper *privacy.Keeper, t events.Type, records []events.Record, now time.Time) (*batch, error) {
	b := &batch{good: make([]registrable, 0, len(records))}
	for i, record := range records {
		d, err := events.Decode(t, record, now)
		if err != nil {
			b.bad = append(b.bad, refusal{i, events.ReasonOf(err), err.Error()})
			continue
		}
		g := registrable{Decoded: d, record: i}
		if d.Event.Type() == events.TypeParticipantRegistered {
			if g.e164, err = privacy.NormalizePhone(d.Phone.Reveal()); err != nil {
				b.bad = append(b.bad, refusal{i, events.ReasonMalformed, "phoneNumber: " + err.Error()})
				continue
			}
		}
		b.good = append(b.good, g)
	}
	return b, b.pseudonymise(ctx, keeper)
}

func (b *batch) pseudonymise(ctx context.Context, keeper *privacy.Keeper) error {
	var requests []privacy.Request
	for _, g := range b.good {
		if g.e164 != "" {
			requests = append(requests, privacy.Request{Campaign: g.Event.Subject(), Phone: g.e164})
		}
	}
	if len(requests) == 0 {
		return nil
	}
	pseudonyms, err := keeper.Pseudonyms(ctx, requests)
	if err != nil {
		return fmt.Errorf("pseudonymise: %w", err)
	}
	next := 0
	for i := range b.good {
		if b.good[i].e164 != "" {
			b.good[i].SetPseudonym(pseudonyms[next])
			next++
		}
	}
	return nil
}
