package privacy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"jangbu/events"
)

// KeyCheck finds the campaigns of a log whose entry in the key store is not what the log
// says: a lost one, so that the next registration would begin another key, and with it other
// pseudonyms of the same numbers; and one that was destroyed without a record, or is there
// although a record says that it was destroyed. It sees names only, and needs no master key.
type KeyCheck struct{ pseudonymous map[events.Campaign]struct{} }

// NewKeyCheck returns a check that has seen no event.
func NewKeyCheck() *KeyCheck {
	return &KeyCheck{pseudonymous: make(map[events.Campaign]struct{})}
}

// See notes an event of the log.
func (k *KeyCheck) See(r *events.Recorded) {
	if p, ok := r.Event.(*events.ParticipantRegistered); ok && p.Pseudonym != (events.Pseudonym{}) {
		k.pseudonymous[p.Campaign] = struct{}{}
	}
}

const checkedAtOnce = 1_000 // entries

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
			all[e.Campaign] = struct{}{}
		}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(all)), checkedAtOnce) {
		stored, err := keys.Keys(ctx, some)
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
			}
		}
	}
	return compared, true, nil
}
