package sqlitelog

import (
	"jangbu/events"
	"jangbu/events/segments"
)

// batch is the drafts of one append with their outcomes.
type batch struct {
	drafts   []events.Draft
	outcomes []events.Outcome
	// firsts are the indexes of the drafts that are the first of their identity, in order; of is
	// their identities and forms their stored forms, the k-th up to ends[k].
	firsts []int
	of     identities
	forms  string
	ends   []int
	// repeats are the other ones, each with the place of the first of its identity in firsts.
	repeats map[int]int
	// otherShop are the indexes of the drafts that describe a campaign of another shop.
	otherShop []int
	full      *segments.Known // what is known of full segments; nil: nothing
	own       segments.Append // the append, without its keys
}

// newBatch encodes the drafts, before the write lock is taken, so that no writer waits for it.
func newBatch(drafts []events.Draft) *batch {
	b := &batch{
		drafts:   drafts,
		outcomes: make([]events.Outcome, len(drafts)),
		firsts:   make([]int, 0, len(drafts)),
		of:       make(identities, 0, len(drafts)),
		ends:     make([]int, 0, len(drafts)),
		repeats:  make(map[int]int),
	}
	var forms []byte
	seen := make(map[identity]int, len(drafts))
	for i := range drafts {
		d := &drafts[i]
		key := identity{d.Event.Subject(), d.ID}
		if first, ok := seen[key]; ok {
			b.repeats[i] = first
			continue
		}
		seen[key] = len(b.firsts)
		b.firsts, b.of = append(b.firsts, i), append(b.of, key)
		forms = events.AppendStored(forms, d.Event)
		b.ends = append(b.ends, len(forms))
	}
	b.forms = string(forms)
	b.judge(nil)
	return b
}

// judge sets every draft's outcome, given the digests that the log holds under the identities of
// firsts, nil for none. A repeat is compared with the log's own event if there is one, else with
// the first draft of its identity.
func (b *batch) judge(stored []*events.Digest) {
	beside := make([]*events.Digest, len(b.firsts))
	copy(beside, stored)
	for k, i := range b.firsts {
		if beside[k] == nil {
			b.outcomes[i], beside[k] = events.Appended, &b.drafts[i].Digest
			continue
		}
		b.outcomes[i] = b.drafts[i].OutcomeBeside(*beside[k])
	}
	for i, k := range b.repeats {
		b.outcomes[i] = b.drafts[i].OutcomeBeside(*beside[k])
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
			a.Keys = append(a.Keys, b.of[k].key())
		}
	}
	return a
}

// identity is equal for two drafts of the same event (I4).
type identity struct {
	campaign events.Campaign
	id       events.ID
}

func (i *identity) key() segments.Key { return segments.KeyOf(i.campaign, i.id) }

// identities are those of some events.
type identities []identity

// repeated returns the index of the first one that is there before.
func (of identities) repeated() (int, bool) {
	seen := make(map[identity]bool, len(of))
	for i, key := range of {
		if seen[key] {
			return i, true
		}
		seen[key] = true
	}
	return 0, false
}

func (of identities) keys() []segments.Key {
	keys := make([]segments.Key, len(of))
	for i := range of {
		keys[i] = of[i].key()
	}
	return keys
}

func (of identities) every() []int {
	all := make([]int, len(of))
	for i := range all {
		all[i] = i
	}
	return all
}
