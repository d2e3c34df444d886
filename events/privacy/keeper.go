package privacy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"jangbu/events"
)

// Keeper makes pseudonyms and seals dead letters. It is safe for concurrent use.
// Printed, logged or marshalled in any way, it shows as "***".
type Keeper struct {
	keys  events.Keys
	ring  atomic.Pointer[ring] // replaced once the master key has been rotated
	cache *cache
}

// Open returns a keeper over a key store. It proves that the store was written with
// the master key, or that it was and has been rotated since ([Keeper.Former]);
// [ErrMasterKey] if neither. A new store is bound to the master key.
func Open(ctx context.Context, keys events.Keys, master MasterKey) (*Keeper, error) {
	k := &Keeper{keys: keys, cache: newCache()}
	r, err := bind(ctx, keys, master)
	if err != nil {
		return nil, fmt.Errorf("open privacy: %w", err)
	}
	k.ring.Store(r)
	return k, nil
}

// Format implements [fmt.Formatter] for every verb.
func (*Keeper) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements [encoding.TextMarshaler].
func (*Keeper) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Former reports whether the keeper was opened with, or works since before a rotation with, the
// former master key. It opens everything until the rotation is finished.
func (k *Keeper) Former() bool { return k.ring.Load().former }

// Unfinished reports whether the former master key opens the key store too.
func (k *Keeper) Unfinished() bool { return k.ring.Load().bridged }

// SaveMasterKey writes the master key that the store is wrapped with to a new file, as
// [CreateMasterKey] does.
func (k *Keeper) SaveMasterKey(path string) (MasterKey, error) {
	master := k.ring.Load().master
	if err := saveSecret(path, master.key); err != nil {
		return master, fmt.Errorf("save master key: %w", err)
	}
	return master, nil
}

// bind returns the ring that the master key opens in the store's reserved entry. It makes the
// entry if there is none.
func bind(ctx context.Context, keys events.Keys, master MasterKey) (*ring, error) {
	reserved, ok, err := readReserved(ctx, keys)
	if err != nil {
		return nil, err
	}
	if !ok {
		if reserved, err = newReserved(master); err != nil {
			return nil, err
		}
		err := keys.AddKeys(ctx, nil, map[events.Campaign][]byte{events.ReservedKey: reserved})
		if err != nil && !errors.Is(err, events.ErrRotated) {
			return nil, fmt.Errorf("bind the key store: %w", err)
		}
		// Another process may have been first; the store decides.
		if reserved, _, err = readReserved(ctx, keys); err != nil {
			return nil, err
		}
	}
	return openReserved(master, reserved)
}

func readReserved(ctx context.Context, keys events.Keys) (reserved []byte, ok bool, err error) {
	stored, err := keys.Keys(ctx, []events.Campaign{events.ReservedKey})
	if err != nil {
		return nil, false, fmt.Errorf("read the reserved entry: %w", err)
	}
	reserved, ok = stored[events.ReservedKey]
	return reserved, ok, nil
}

// follow replaces the ring r if the store's reserved entry is another one by now, and reports
// whether it has been replaced.
func (k *Keeper) follow(ctx context.Context, r *ring) (moved bool, err error) {
	if k.ring.Load() != r {
		return true, nil // by another caller
	}
	reserved, _, err := readReserved(ctx, k.keys)
	if err != nil || bytes.Equal(reserved, r.reserved) {
		return false, err
	}
	now, err := openReserved(r.master, reserved)
	if err != nil {
		return false, err
	}
	now.former = now.former || r.former
	// Where another caller was first, its user follows again if that is not the store's any more.
	k.ring.CompareAndSwap(r, now)
	return true, nil
}

// Destroy destroys the campaign's key for good, even if it has none yet: no later
// phone number can be linked to its pseudonyms. Every process forgets the key
// within a minute.
func (k *Keeper) Destroy(ctx context.Context, campaign events.Campaign) error {
	if campaign == events.ReservedKey {
		return errors.New("destroy campaign key: the campaign is empty")
	}
	if err := k.keys.DestroyKey(ctx, campaign); err != nil {
		return fmt.Errorf("destroy campaign key: %w", err)
	}
	k.cache.forget(campaign)
	return nil
}

// agree returns the stored entry of every campaign and adds a new key for those that
// have none. The entries are durable and the same for every process. It returns
// [events.ErrRotated] where the ring is not the store's any more.
func (k *Keeper) agree(ctx context.Context, r *ring, campaigns []events.Campaign) (map[events.Campaign][]byte, error) {
	stored, err := k.keys.Keys(ctx, campaigns)
	if err != nil {
		return nil, fmt.Errorf("read campaign keys: %w", err)
	}
	created := make(map[events.Campaign][]byte)
	for _, c := range campaigns {
		if _, ok := stored[c]; !ok {
			created[c] = r.newWrappedKey(c)
		}
	}
	if len(created) == 0 {
		return stored, nil
	}
	if err := k.keys.AddKeys(ctx, r.reserved, created); err != nil {
		return nil, fmt.Errorf("add campaign keys: %w", err)
	}
	// Another process may have added its keys first; the store decides.
	if stored, err = k.keys.Keys(ctx, campaigns); err != nil {
		return nil, fmt.Errorf("read campaign keys: %w", err)
	}
	for _, c := range campaigns {
		if _, ok := stored[c]; !ok {
			return nil, fmt.Errorf("read campaign keys: campaign %q has none after one was added", c)
		}
	}
	return stored, nil
}
