package privacy

import (
	"context"
	"errors"
	"sync"

	"jangbu/events"
)

// unwritten is a key store whose added keys stay in memory.
type unwritten struct {
	inner events.Keys

	mu    sync.Mutex
	added map[events.Campaign][]byte // guarded by mu
}

var _ events.Keys = (*unwritten)(nil)

// Unwritten returns a view of a key store that keeps added keys in memory, for a
// trial run. Pseudonyms made with such a key must not be stored. DestroyKey of the
// view fails.
func Unwritten(keys events.Keys) events.Keys {
	return &unwritten{inner: keys, added: make(map[events.Campaign][]byte)}
}

// Keys implements [events.Keys].
func (u *unwritten) Keys(ctx context.Context, campaigns []events.Campaign) (map[events.Campaign][]byte, error) {
	found, err := u.inner.Keys(ctx, campaigns)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
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

// AddKeys implements [events.Keys].
func (u *unwritten) AddKeys(_ context.Context, wrapped map[events.Campaign][]byte) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c, key := range wrapped {
		if _, ok := u.added[c]; !ok {
			u.added[c] = key
		}
	}
	return nil
}

// DestroyKey implements [events.Keys]: it fails.
func (u *unwritten) DestroyKey(context.Context, events.Campaign) error {
	return errors.New("destroy key: this is a trial")
}
