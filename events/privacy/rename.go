package privacy

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"jangbu/events"
)

// purposeName is of the key under which ids get another name. It is derived from a key that
// rotations keep, so that an id gets the same name before and after one.
const purposeName = "jangbu/name erased ids"

// erasedPrefix begins each such name.
const erasedPrefix = "erased-"

// namedBytes of an HMAC make a name.
const namedBytes = 8

// Namer returns the names of ids that identify a person ([events.Namer]): "erased-" and 16
// letters of the HMAC-SHA-256 of the id. Without the master key no number can be tried out.
func (k *Keeper) Namer() (events.Namer, error) {
	kept := k.ring.Load().kept.id
	key, err := hkdf.Key(sha256.New, kept[:], nil, purposeName, keyBytes)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return func(id string) string {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(id))
		name := []byte(erasedPrefix)
		for _, b := range h.Sum(nil)[:namedBytes] { // letters, since digits may be a number again
			name = append(name, 'a'+b>>4, 'a'+b&0xf)
		}
		return string(name)
	}, nil
}

// Rename gives the campaign's key to the other name of the campaign, under which its events are
// kept from now on. A destroyed key stays destroyed, and a damaged entry damaged. It does nothing
// where the campaign has no entry.
func (k *Keeper) Rename(ctx context.Context, from, to events.Campaign) error {
	if err := k.rename(ctx, from, to); err != nil {
		return fmt.Errorf("rename campaign key: %w", err)
	}
	k.cache.forget(from)
	k.cache.forget(to)
	return nil
}

func (k *Keeper) rename(ctx context.Context, from, to events.Campaign) error {
	for {
		r := k.ring.Load()
		stored, err := k.keys.Keys(ctx, []events.Campaign{from})
		if err != nil {
			return err
		}
		wrapped, ok := stored[from]
		if !ok {
			return nil
		}
		if key, err := r.unwrap(from, wrapped); err == nil {
			wrapped = r.wrapKey(to, key)
		}
		err = k.keys.RenameKey(ctx, r.reserved, from, to, wrapped)
		if err == nil {
			return nil
		}
		if err := k.passed(ctx, r, err); err != nil {
			return err
		}
	}
}
