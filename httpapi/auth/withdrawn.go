package auth

import (
	"maps"
	"slices"
	"time"

	"jangbu/events"
)

// withdrawn maps subjects to what was withdrawn from them. It does not change once made.
type withdrawn map[string]loss

// loss is what tokens of a subject lose, by when they were issued.
type loss struct {
	all   time.Time                 // of those issued until then, everything; zero: nothing
	shops map[events.Shop]time.Time // of those issued until then, the shop
	last  time.Time
}

// Withdraw has tokens lose the rights that were withdrawn after they were issued. Those that it
// was told before stay withdrawn. Records of which no token can be left are forgotten.
func (a *Verifier) Withdraw(records []events.WithdrawnRight) {
	a.withdrawing.Lock()
	defer a.withdrawing.Unlock()
	now, last := a.now(), *a.withdrawn.Load()
	over := func(at time.Time) bool { return now.Sub(at) > a.maxLife+3*leeway }
	if len(records) == 0 && !slices.ContainsFunc(slices.Collect(maps.Values(last)), func(l loss) bool { return over(l.last) }) {
		return
	}
	all := maps.Clone(last)
	for _, w := range records {
		l := all[w.Subject]
		// The clocks of issuer and service may be apart.
		until := w.At.Add(leeway)
		if l.last = later(l.last, until); w.Shop == "" {
			l.all = later(l.all, until)
		} else {
			shops := maps.Clone(l.shops)
			if shops == nil {
				shops = make(map[events.Shop]time.Time)
			}
			shops[w.Shop] = later(shops[w.Shop], until)
			l.shops = shops
		}
		all[w.Subject] = l
	}
	maps.DeleteFunc(all, func(_ string, l loss) bool { return over(l.last) })
	a.withdrawn.Store(&all)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// left returns the caller of a verified token without what was withdrawn from it. A token that
// does not say when it was issued loses what any token of its subject does.
func (a *Verifier) left(m memory) (Identity, error) {
	l, ok := (*a.withdrawn.Load())[m.caller.Subject]
	if !ok {
		return m.caller, nil
	}
	caller, lost := m.caller, func(until time.Time) bool { return !m.issued.After(until) }
	if !l.all.IsZero() && lost(l.all) {
		return Identity{}, refusal("sub: its rights were withdrawn")
	}
	shops := slices.DeleteFunc(slices.Clone(caller.Shops), func(s events.Shop) bool {
		until, ok := l.shops[s]
		return ok && lost(until)
	})
	if len(shops) == len(caller.Shops) && len(shops) > 0 {
		return caller, nil
	}
	// What is left must be shops: a token for all of them cannot lose one of them and be for
	// the rest.
	if caller.Shops = shops; len(shops) == 0 {
		for _, until := range l.shops {
			if lost(until) {
				return Identity{}, refusal("stores: were withdrawn")
			}
		}
	}
	return caller, nil
}
