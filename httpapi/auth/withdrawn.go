package auth

import (
	"maps"
	"slices"
	"time"

	"jangbu/events"
)

// withdrawn is what was withdrawn, by subject. It does not change once made.
type withdrawn struct {
	named  map[string]loss
	hashed map[events.Subject]loss
	keys   []events.SubjectKey // of hashed
	// foreign is what was withdrawn from subjects that are hashed with a key that is not one of
	// keys: of which persons cannot be told.
	foreign loss
}

// loss is what tokens of a subject lose, by when they were issued.
type loss struct {
	all   time.Time                 // of those issued until then, everything; zero: nothing
	shops map[events.Shop]time.Time // of those issued until then, the shop
	last  time.Time
}

// Withdraw has tokens lose the rights that were withdrawn after they were issued. Those that it
// was told before stay withdrawn. Records of which no token can be left are forgotten.
//
// Subjects that identify persons are hashed, and are compared under each of the keys. It reports
// whether there are some that are hashed with another one. Of which persons those are cannot be
// told, so the tokens of all subjects that identify persons lose what any of them does: those
// that were issued before, so that a person can sign in again.
func (a *Verifier) Withdraw(records []events.WithdrawnRight, keys ...events.SubjectKey) (foreign bool) {
	a.withdrawing.Lock()
	defer a.withdrawing.Unlock()
	now, last := a.now(), a.withdrawn.Load()
	next := &withdrawn{named: maps.Clone(last.named), hashed: maps.Clone(last.hashed), keys: keys}
	for _, w := range records {
		// The clocks of issuer and service may be apart.
		l := loss{last: w.At.Add(leeway)}
		if w.Shop == "" {
			l.all = l.last
		} else {
			l.shops = map[events.Shop]time.Time{w.Shop: l.last}
		}
		if name := w.Subject.Name(); name != "" {
			next.named[name] = next.named[name].and(l)
		} else {
			next.hashed[w.Subject] = next.hashed[w.Subject].and(l)
		}
	}
	over := func(l loss) bool { return now.Sub(l.last) > a.maxLife+3*leeway }
	maps.DeleteFunc(next.named, func(_ string, l loss) bool { return over(l) })
	maps.DeleteFunc(next.hashed, func(_ events.Subject, l loss) bool { return over(l) })
	for subject, l := range next.hashed {
		if !slices.ContainsFunc(keys, func(k events.SubjectKey) bool { return k.ID() == subject.KeyID() }) {
			next.foreign, foreign = next.foreign.and(l), true
		}
	}
	a.withdrawn.Store(next)
	return foreign
}

// and returns both losses.
func (l loss) and(other loss) loss {
	shops := maps.Clone(l.shops)
	if shops == nil {
		shops = make(map[events.Shop]time.Time)
	}
	for shop, until := range other.shops {
		shops[shop] = later(shops[shop], until)
	}
	return loss{all: later(l.all, other.all), shops: shops, last: later(l.last, other.last)}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

const (
	lostAll    refusal = "sub: its rights were withdrawn"
	lostShops  refusal = "stores: were withdrawn"
	lostByHash refusal = "sub: identifies a person, and rights of persons were withdrawn under a key that this process does not have; a newer token is accepted"
)

// left returns the caller of a verified token without what was withdrawn from it. A token that
// does not say when it was issued loses what any token of its subject does.
func (a *Verifier) left(m memory) (caller Identity, err error) {
	caller = m.caller
	w := a.withdrawn.Load()
	if l, ok := w.named[caller.Subject]; ok {
		if caller, err = l.from(caller, m.issued, lostAll, lostShops); err != nil {
			return Identity{}, err
		}
	}
	if len(w.hashed) == 0 {
		return caller, nil
	}
	for _, key := range w.keys {
		// Whether it identifies a person may be another release's view.
		if l, ok := w.hashed[key.Hashed(caller.Subject)]; ok {
			if caller, err = l.from(caller, m.issued, lostAll, lostShops); err != nil {
				return Identity{}, err
			}
		}
	}
	if !w.foreign.last.IsZero() && events.PersonalInID(caller.Subject) != events.NothingPersonal {
		return w.foreign.from(caller, m.issued, lostByHash, lostByHash)
	}
	return caller, nil
}

// from returns the caller of a token without what it loses, or the reason for which nothing is
// left.
func (l loss) from(caller Identity, issued time.Time, all, shops refusal) (Identity, error) {
	lost := func(until time.Time) bool { return !issued.After(until) }
	if !l.all.IsZero() && lost(l.all) {
		return Identity{}, all
	}
	left := slices.DeleteFunc(slices.Clone(caller.Shops), func(s events.Shop) bool {
		until, ok := l.shops[s]
		return ok && lost(until)
	})
	if len(left) == len(caller.Shops) && len(left) > 0 {
		return caller, nil
	}
	// What is left must be shops: a token for all of them cannot lose one of them and be for
	// the rest.
	if caller.Shops = left; len(left) == 0 {
		for _, until := range l.shops {
			if lost(until) {
				return Identity{}, shops
			}
		}
	}
	return caller, nil
}
