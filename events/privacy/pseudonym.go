package privacy

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"

	"jangbu/events"
)

// Request asks for the pseudonym of a phone number in a campaign. Printed, logged or
// marshalled in any way, it shows as "***".
type Request struct {
	Campaign events.Campaign // not empty
	Phone    string          // as [events.NormalizePhone] returns it
}

// Format implements [fmt.Formatter] for every verb.
func (Request) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements [encoding.TextMarshaler].
func (Request) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Pseudonyms returns one pseudonym for each request. It is zero if the campaign's
// key has been destroyed: the registration is then kept unlinked. Pseudonyms
// creates missing keys, which are durable when it returns. It also returns the
// campaigns whose entry in the key store is damaged; of their registrations none may be
// stored, or they would stay unlinked once the entry is mended. The error is that of
// the key store, or [events.ErrPhoneNumber] if a number is not normalised.
func (k *Keeper) Pseudonyms(ctx context.Context, requests []Request) (pseudonyms []events.Pseudonym, damaged map[events.Campaign]bool, err error) {
	for _, r := range requests {
		if r.Campaign == events.ReservedKey {
			return nil, nil, errors.New("make pseudonyms: a campaign is empty")
		}
		if !normalized(r.Phone) {
			return nil, nil, fmt.Errorf("make pseudonyms: a phone number is not in E.164 form: %w", events.ErrPhoneNumber)
		}
	}
	found, missing := k.cache.lookup(requests)
	if len(missing) > 0 {
		loaded, broken, err := k.load(ctx, missing)
		if err != nil {
			return nil, nil, fmt.Errorf("make pseudonyms: %w", err)
		}
		for i, r := range requests {
			if found[i] == nil {
				found[i] = loaded[r.Campaign]
			}
		}
		damaged = broken
	}
	pseudonyms = make([]events.Pseudonym, len(requests))
	for i, r := range requests {
		if found[i] != nil {
			found[i].pseudonym(&pseudonyms[i], r.Phone)
		}
	}
	return pseudonyms, damaged, nil
}

// load returns the campaigns' keys, and which of the campaigns have a damaged entry. It
// does not cache those: a mended one counts at once.
func (k *Keeper) load(ctx context.Context, campaigns []events.Campaign) (loaded map[events.Campaign]*campaignKey, damaged map[events.Campaign]bool, err error) {
	for {
		// The lifetime begins before the store is read: a key destroyed meanwhile must
		// not be used for longer.
		expires, r := time.Now().Add(keyLifetime), k.ring.Load()
		stored, err := k.agree(ctx, r, campaigns)
		if err == nil {
			loaded, damaged = r.open(stored, expires)
			if len(damaged) == 0 {
				break
			}
		}
		if err != nil && !errors.Is(err, events.ErrRotated) {
			return nil, nil, err
		}
		// The master key may have been rotated, and no entry may be damaged.
		if moved, followErr := k.follow(ctx, r); followErr != nil || err != nil && !moved {
			return nil, nil, cmp.Or(followErr, err)
		} else if !moved {
			break
		}
	}
	k.cache.add(loaded)
	return loaded, damaged, nil
}

// open returns the keys of the entries that it opens, and the campaigns of the others.
func (r *ring) open(stored map[events.Campaign][]byte, expires time.Time) (opened map[events.Campaign]*campaignKey, damaged map[events.Campaign]bool) {
	opened, damaged = make(map[events.Campaign]*campaignKey, len(stored)), make(map[events.Campaign]bool)
	for c, wrapped := range stored {
		entry := &campaignKey{expires: expires}
		if len(wrapped) > 0 {
			key, err := r.unwrap(c, wrapped)
			if err != nil {
				damaged[c] = true
				continue
			}
			entry.mac = hmac.New(sha256.New, key)
		}
		opened[c] = entry
	}
	return opened, damaged
}

// normalized reports whether phone has the form of E.164.
func normalized(phone string) bool {
	if len(phone) < 9 || len(phone) > 16 || phone[0] != '+' {
		return false
	}
	for _, c := range []byte(phone[1:]) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// campaignKey is a campaign's key, ready for use.
type campaignKey struct {
	expires time.Time

	mac hash.Hash // nil if the key is destroyed; its state is guarded by mu

	mu    sync.Mutex
	phone [16]byte // what mac is writing, so that none is allocated; guarded by mu
}

func (c *campaignKey) pseudonym(p *events.Pseudonym, phone string) {
	if c.mac == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mac.Reset()
	c.mac.Write(c.phone[:copy(c.phone[:], phone)])
	c.mac.Sum(p[:0])
}
