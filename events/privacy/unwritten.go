package privacy

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"jangbu/events"
)

// unwritten is a key store whose added keys stay in memory.
type unwritten struct {
	inner events.Keys

	mu       sync.Mutex
	added    map[events.Campaign][]byte // guarded by mu
	reserved []byte                     // of the store, when they were added; guarded by mu
}

var _ events.Keys = (*unwritten)(nil)

// Unwritten returns a view of a key store that keeps added keys in memory, for a
// trial run. Pseudonyms made with such a key must not be stored. DestroyKey,
// ReplaceKeys, RenameKey, Restore and Compact of the view fail.
func Unwritten(keys events.Keys) events.Keys {
	return &unwritten{inner: keys, added: make(map[events.Campaign][]byte)}
}

// Keys implements [events.Keys]. Added keys are forgotten when the store's are replaced.
func (u *unwritten) Keys(ctx context.Context, campaigns []events.Campaign) (map[events.Campaign][]byte, error) {
	found, err := u.inner.Keys(ctx, append([]events.Campaign{events.ReservedKey}, campaigns...))
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !bytes.Equal(found[events.ReservedKey], u.reserved) {
		u.reserved = found[events.ReservedKey]
		clear(u.added)
	}
	if !slices.Contains(campaigns, events.ReservedKey) {
		delete(found, events.ReservedKey)
	}
	for _, c := range campaigns {
		if _, ok := found[c]; ok {
			continue
		}
		if wrapped, ok := u.added[c]; ok {
			found[c] = wrapped
		}
	}
	return found, nil
}

// Added implements [events.Keys].
func (u *unwritten) Added(ctx context.Context, campaigns []events.Campaign) (map[events.Campaign]time.Time, error) {
	return u.inner.Added(ctx, campaigns)
}

// AddKeys implements [events.Keys].
func (u *unwritten) AddKeys(ctx context.Context, reserved []byte, wrapped map[events.Campaign][]byte) error {
	stored, err := u.Keys(ctx, []events.Campaign{events.ReservedKey})
	if err != nil {
		return err
	}
	if !bytes.Equal(stored[events.ReservedKey], reserved) {
		return events.ErrRotated
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for c, key := range wrapped {
		if _, ok := u.added[c]; !ok {
			u.added[c] = key
		}
	}
	return nil
}

// ReplaceKeys implements [events.Keys]: it fails.
func (u *unwritten) ReplaceKeys(context.Context, func(events.Campaign, []byte) ([]byte, error)) error {
	return errors.New("replace keys: this is a trial")
}

// DestroyKey implements [events.Keys]: it fails.
func (u *unwritten) DestroyKey(context.Context, events.Campaign) error {
	return errors.New("destroy key: this is a trial")
}

// Campaigns implements [events.Keys].
func (u *unwritten) Campaigns(ctx context.Context, after events.Campaign, limit int) ([]events.Campaign, error) {
	return u.inner.Campaigns(ctx, after, limit)
}

// RenameKey implements [events.Keys]: it fails.
func (u *unwritten) RenameKey(context.Context, []byte, events.Campaign, events.Campaign, []byte) error {
	return errors.New("rename key: this is a trial")
}

// Restore implements [events.Keys]: it fails.
func (u *unwritten) Restore(context.Context, []events.KeyEntry) error {
	return errors.New("restore keys: this is a trial")
}

// Compact implements [events.Keys]: it fails.
func (u *unwritten) Compact(context.Context) error {
	return errors.New("compact the keys: this is a trial")
}
