package privacy

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"jangbu/events"
)

var (
	// ErrDamagedKey means that the master key does not open a campaign's entry of the key store.
	ErrDamagedKey = errors.New("the entry is damaged")
	// ErrUnfinished means that the former master key still opens the key store.
	ErrUnfinished = errors.New("the last rotation of the master key is not finished")
	// ErrFormer means that the master key is the former one.
	ErrFormer = errors.New("the master key has been rotated: this is the former one")
	// ErrFinished means that no former master key opens the key store.
	ErrFinished = errors.New("no rotation of the master key is under way")
)

// Rotate replaces the master key by the next one, in one transaction: before it, the master key
// of now opens the store, after it both do, until [Keeper.Finish]. Other keepers go on, opened
// with either, and so does this one. Pseudonyms and the IDs of dead letters stay the same, and
// the letters that are sealed can be opened. Rotate returns how many keys it has wrapped; 0 and
// no error if the next master key is that of now, and the rotation to it is not finished. The
// error is [ErrUnfinished] if that of another one is not, and [ErrDamagedKey] if an entry
// cannot be wrapped; nothing has changed then.
func (k *Keeper) Rotate(ctx context.Context, next MasterKey) (wrapped int, err error) {
	for {
		r := k.ring.Load()
		switch {
		case r.master == next && r.bridged:
			return 0, nil
		case r.master == next:
			return 0, fmt.Errorf("rotate the master key: the next one is that of now: %w", ErrFinished)
		case r.bridged:
			return 0, fmt.Errorf("rotate the master key: %w", ErrUnfinished)
		}
		to, err := r.rotated(next)
		if err != nil {
			return 0, fmt.Errorf("rotate the master key: %w", err)
		}
		to.former = true // as for every keeper that works since before
		wrapped, err := k.replace(ctx, r, to)
		if err == nil {
			return wrapped, nil
		}
		if err := k.passed(ctx, r, err); err != nil {
			return 0, fmt.Errorf("rotate the master key: %w", err)
		}
	}
}

// Finish ends the former master key: only that of now opens the store from then on. It is for
// when every process has been started with that one. The error is [ErrFormer] if the keeper was
// not, [ErrFinished] if there is no former one, and [ErrDamagedKey] if an entry does not open;
// nothing has changed then.
func (k *Keeper) Finish(ctx context.Context) error {
	for {
		r := k.ring.Load()
		switch {
		case r.former:
			return fmt.Errorf("finish the rotation: %w", ErrFormer)
		case !r.bridged:
			return fmt.Errorf("finish the rotation: %w", ErrFinished)
		}
		to, err := r.finished()
		if err != nil {
			return fmt.Errorf("finish the rotation: %w", err)
		}
		_, err = k.replace(ctx, r, to)
		if err == nil {
			return nil
		}
		if err := k.passed(ctx, r, err); err != nil {
			return fmt.Errorf("finish the rotation: %w", err)
		}
	}
}

// replace replaces the ring r by another one, in the store and here, and returns how many
// campaigns' keys it has wrapped anew.
func (k *Keeper) replace(ctx context.Context, r, to *ring) (wrapped int, err error) {
	err = k.keys.ReplaceKeys(ctx, func(c events.Campaign, entry []byte) ([]byte, error) {
		if c == events.ReservedKey {
			if !bytes.Equal(entry, r.reserved) {
				return nil, events.ErrRotated
			}
			return to.reserved, nil
		}
		key, err := r.unwrap(c, entry)
		switch {
		case err != nil:
			return nil, err
		case to.master == r.master:
			return entry, nil
		}
		wrapped++
		return to.wrapKey(c, key), nil
	})
	if err != nil {
		return 0, err
	}
	k.ring.CompareAndSwap(r, to)
	return wrapped, nil
}

// passed follows if the error says that the ring r is not the store's any more, and otherwise
// returns it.
func (k *Keeper) passed(ctx context.Context, r *ring, err error) error {
	if !errors.Is(err, events.ErrRotated) {
		return err
	}
	moved, followErr := k.follow(ctx, r)
	if followErr == nil && !moved {
		return err
	}
	return followErr
}
