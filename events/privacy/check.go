package privacy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"jangbu/events"
)

// KeyCheck finds the campaigns of a log whose entry in the key store is not what the log
// says: a lost one, so that the next registration begins another key, and with it other
// pseudonyms of the same numbers; one that was begun so, which is younger than the campaign's
// pseudonyms; and one that was destroyed without a record, or is there although a record says
// that it was destroyed. It sees names and times only, and needs no master key.
type KeyCheck struct {
	pseudonymous map[events.Campaign]time.Time // when the first pseudonym was recorded
}

// NewKeyCheck returns a check that has seen no event.
func NewKeyCheck() *KeyCheck {
	return &KeyCheck{pseudonymous: make(map[events.Campaign]time.Time)}
}

// See notes an event of the log. It is called in the log's order.
func (k *KeyCheck) See(r *events.Recorded) {
	if p, ok := r.Event.(*events.ParticipantRegistered); ok && p.Pseudonym != (events.Pseudonym{}) {
		if _, seen := k.pseudonymous[p.Campaign]; !seen {
			k.pseudonymous[p.Campaign] = r.RecordedAt
		}
	}
}

const (
	checkedAtOnce = 1_000 // entries
	// keyLateness is by how much a key may seem to be younger than a pseudonym that was made
	// with it: the clocks of the key store and of the log are set, and may be two.
	keyLateness = time.Minute
)

// Compare compares the entries of the campaigns that were seen with a pseudonym, and of those
// whose keys were destroyed, and calls each with every one that is wrong, in the order of
// campaigns: what the store has, and what the log says. It returns how many it compared;
// false where the key store is new, as beside an imported copy.
func (k *KeyCheck) Compare(ctx context.Context, keys events.Keys, log events.Log, each func(c events.Campaign, has, says string)) (compared int, ok bool, err error) {
	_, bound, err := readReserved(ctx, keys)
	if err != nil || !bound {
		return 0, false, err
	}
	erasures, err := log.Erasures().List(ctx, "")
	if err != nil {
		return 0, true, err
	}
	destroyed, all := make(map[events.Campaign]bool), maps.Clone(k.pseudonymous)
	for _, e := range erasures {
		if len(e.Positions) == 0 {
			destroyed[e.Campaign] = true
			if _, seen := all[e.Campaign]; !seen {
				all[e.Campaign] = e.At // no pseudonym
			}
		}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(all)), checkedAtOnce) {
		stored, err := keys.Keys(ctx, some)
		if err != nil {
			return compared, true, fmt.Errorf("compare keys: %w", err)
		}
		added, err := keys.Added(ctx, some)
		if err != nil {
			return compared, true, fmt.Errorf("compare keys: %w", err)
		}
		for _, c := range some {
			compared++
			switch wrapped, ok := stored[c]; {
			case destroyed[c] && len(wrapped) > 0:
				each(c, "a key", "it was destroyed")
			case !ok:
				each(c, "no key", "registrations have pseudonyms")
			case len(wrapped) == 0 && !destroyed[c]:
				each(c, "a destroyed key", "no record says by whom")
			case !destroyed[c] && added[c].After(all[c].Add(keyLateness)):
				each(c, "a key of "+added[c].Format(time.RFC3339), "pseudonyms of "+all[c].Format(time.RFC3339))
			}
		}
	}
	return compared, true, nil
}
