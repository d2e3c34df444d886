package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jangbu/events"
	"jangbu/events/privacy"
)

// Retrier tries dead letters again: it decodes them as ingestion does and revives those
// that pass. It is not safe for concurrent use.
type Retrier struct {
	Log     events.Log
	Privacy *privacy.Keeper
	// Topics names the topic of each type, as for [Ingest].
	Topics map[events.Type]string
	// Now is the clock that judges the records' timestamps.
	Now func() time.Time

	tried map[identity]events.Digest      // the events that Try found to pass
	shops map[events.Campaign]events.Shop // of the campaigns that Try has met
}

// identity identifies an event (I4).
type identity struct {
	campaign events.Campaign
	id       events.ID
}

// Fate is the result of trying a letter again. It is zero for a letter that another
// process has revived or discarded meanwhile.
type Fate struct {
	// Outcome is Appended or Duplicate where the letter passed, Conflict or OtherShop where
	// the log refused it, and 0 where it did not decode.
	Outcome events.Outcome
	// Reason and Detail say why the letter stays; they are empty where it does not.
	Reason events.Reason
	Detail string
}

// Stays reports whether the letter is still a dead letter.
func (f Fate) Stays() bool { return f.Reason != "" }

// Retry revives the letters that pass now, in their order and in one transaction, and
// returns the fate of each. After an error the transaction may or may not have taken
// place; retrying the same letters is harmless (I4).
func (r *Retrier) Retry(ctx context.Context, letters []events.DeadLetter) ([]Fate, error) {
	return r.retry(ctx, letters, r.Log.DeadLetters().Revive)
}

// Try returns the fates that Retry would return after a Retry of all letters tried so
// far, and revives nothing. It remembers each event that would be appended. So that it
// makes no key either, Privacy must be opened on [privacy.Unwritten] keys.
func (r *Retrier) Try(ctx context.Context, letters []events.DeadLetter) ([]Fate, error) {
	return r.retry(ctx, letters, r.foresee)
}

func (r *Retrier) retry(ctx context.Context, letters []events.DeadLetter, revive func(context.Context, []events.Revival) ([]events.Outcome, error)) ([]Fate, error) {
	fates, drafts, err := r.judge(ctx, letters)
	if err != nil {
		return nil, fmt.Errorf("retry dead letters: %w", err)
	}
	var revivals []events.Revival
	var revived []int // indexes of their letters
	for i, d := range drafts {
		if d != nil {
			revivals, revived = append(revivals, events.Revival{Letter: letters[i].ID, Draft: *d}), append(revived, i)
		}
	}
	outcomes, err := revive(ctx, revivals)
	if err != nil {
		return nil, fmt.Errorf("retry dead letters: %w", err)
	}
	for k, outcome := range outcomes {
		fate := &fates[revived[k]]
		fate.Outcome = outcome
		fate.Reason, fate.Detail = outcome.Refusal(revivals[k].Draft.ID)
	}
	return fates, nil
}

// judge returns the draft that each letter decodes to, or nil and its fate.
func (r *Retrier) judge(ctx context.Context, letters []events.DeadLetter) ([]Fate, []*events.Draft, error) {
	fates, drafts := make([]Fate, len(letters)), make([]*events.Draft, len(letters))
	records, of := make(map[events.Type][]events.Record), make(map[events.Type][]int)
	for i, letter := range letters {
		if letter.Discarded != nil {
			continue
		}
		record, err := r.Privacy.Unseal(ctx, letter.Sealed)
		if err != nil && !errors.Is(err, privacy.ErrSealed) {
			return nil, nil, err
		}
		if err != nil {
			fates[i] = Fate{Reason: letter.Reason, Detail: "its sealed record is damaged, or was sealed under another master key"}
			continue
		}
		t, ok := r.typeOf(record.Topic)
		if !ok {
			fates[i] = Fate{Reason: letter.Reason, Detail: "its topic is not ingested"}
			continue
		}
		records[t], of[t] = append(records[t], record), append(of[t], i)
	}
	for _, t := range events.Types() {
		b := judge(t, records[t], r.Now())
		if err := b.pseudonymise(ctx, r.Privacy); err != nil {
			return nil, nil, err
		}
		for _, bad := range b.bad {
			fates[of[t][bad.record]] = Fate{Reason: bad.reason, Detail: bad.detail}
		}
		for i := range b.good {
			drafts[of[t][b.good[i].record]] = &b.good[i].Draft
		}
	}
	return fates, drafts, nil
}

func (r *Retrier) typeOf(topic string) (events.Type, bool) {
	for t, name := range r.Topics {
		if name == topic {
			return t, true
		}
	}
	return 0, false
}

// foresee returns the outcomes that reviving would have.
func (r *Retrier) foresee(ctx context.Context, revivals []events.Revival) ([]events.Outcome, error) {
	drafts := make([]events.Draft, len(revivals))
	for i := range revivals {
		drafts[i] = revivals[i].Draft
	}
	stored, err := r.Log.Digests(ctx, drafts)
	if err != nil {
		return nil, err
	}
	if r.tried == nil {
		r.tried, r.shops = make(map[identity]events.Digest), make(map[events.Campaign]events.Shop)
	}
	outcomes := make([]events.Outcome, len(drafts))
	for i, d := range drafts {
		key := identity{d.Event.Subject(), d.ID}
		other, known := r.tried[key]
		if stored[i] != nil {
			other, known = *stored[i], true
		}
		switch {
		case !known:
			other, err := r.otherShop(ctx, d.Event)
			if err != nil {
				return nil, err
			}
			if outcomes[i] = events.OtherShop; !other {
				r.tried[key] = d.Digest
				outcomes[i] = events.Appended
			}
		case d.OutcomeBeside(other) == events.Conflict:
			outcomes[i] = events.Conflict
		default:
			outcomes[i] = events.Duplicate
		}
	}
	return outcomes, nil
}

// otherShop reports whether the event describes a campaign of another shop, and otherwise
// remembers the shop.
func (r *Retrier) otherShop(ctx context.Context, e events.Event) (bool, error) {
	created, ok := e.(*events.EventCreated)
	if !ok {
		return false, nil
	}
	shop, known := r.shops[created.Campaign]
	if !known {
		described, err := events.Describe(ctx, r.Log, created.Campaign)
		if err != nil {
			return false, err
		}
		shop = created.Shop
		if _, last, ok := described.Last(); ok {
			shop = last.Shop
		}
		r.shops[created.Campaign] = shop
	}
	return shop != created.Shop, nil
}
