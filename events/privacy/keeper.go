package privacy

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"jangbu/events"
)

// Keeper makes pseudonyms and seals dead letters. It is safe for concurrent use.
// Printed, logged or marshalled in any way, it shows as "***".
type Keeper struct {
	keys  events.Keys
	wrap  cipher.AEAD
	seal  cipher.AEAD
	idKey *[32]byte
	cache *cache
}

// Open returns a keeper over a key store. It proves that the store was written with
// the master key; [ErrMasterKey] if it was not. A new store is bound to the master
// key.
func Open(ctx context.Context, keys events.Keys, master MasterKey) (*Keeper, error) {
	wrap, err := aeadOf(master, "jangbu/wrap campaign keys")
	if err != nil {
		return nil, fmt.Errorf("open privacy: %w", err)
	}
	seal, err := aeadOf(master, "jangbu/seal dead letters")
	if err != nil {
		return nil, fmt.Errorf("open privacy: %w", err)
	}
	idKey, err := subkey(master, "jangbu/name dead letters")
	if err != nil {
		return nil, fmt.Errorf("open privacy: %w", err)
	}
	k := &Keeper{keys: keys, wrap: wrap, seal: seal, idKey: idKey, cache: newCache()}
	if err := k.verifyMasterKey(ctx); err != nil {
		return nil, fmt.Errorf("open privacy: %w", err)
	}
	return k, nil
}

// Format implements [fmt.Formatter] for every verb.
func (*Keeper) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements [encoding.TextMarshaler].
func (*Keeper) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// checkCampaign is the reserved entry of the key store that detects a wrong master
// key: a random value, wrapped like a campaign's key.
const checkCampaign events.Campaign = ""

func (k *Keeper) verifyMasterKey(ctx context.Context) error {
	stored, err := k.agree(ctx, []events.Campaign{checkCampaign})
	if err != nil {
		return err
	}
	if _, err := k.unwrap(checkCampaign, stored[checkCampaign]); err != nil {
		return fmt.Errorf("the key store was written with another master key; "+
			"start with that one, or restore the key store that belongs to this one: %w", ErrMasterKey)
	}
	return nil
}

// Destroy destroys the campaign's key for good, even if it has none yet: no later
// phone number can be linked to its pseudonyms. Every process forgets the key
// within a minute.
func (k *Keeper) Destroy(ctx context.Context, campaign events.Campaign) error {
	if campaign == checkCampaign {
		return errors.New("destroy campaign key: the campaign is empty")
	}
	if err := k.keys.DestroyKey(ctx, campaign); err != nil {
		return fmt.Errorf("destroy campaign key: %w", err)
	}
	k.cache.forget(campaign)
	return nil
}

// agree returns the stored entry of every campaign and adds a new key for those that
// have none. The entries are durable and the same for every process.
func (k *Keeper) agree(ctx context.Context, campaigns []events.Campaign) (map[events.Campaign][]byte, error) {
	stored, err := k.keys.Keys(ctx, campaigns)
	if err != nil {
		return nil, fmt.Errorf("read campaign keys: %w", err)
	}
	created := make(map[events.Campaign][]byte)
	for _, c := range campaigns {
		if _, ok := stored[c]; !ok {
			created[c] = k.newWrappedKey(c)
		}
	}
	if len(created) == 0 {
		return stored, nil
	}
	if err := k.keys.AddKeys(ctx, created); err != nil {
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

// wrapVersion is the first byte of every wrapped key.
const wrapVersion = 1

func (k *Keeper) newWrappedKey(c events.Campaign) []byte {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails: crypto/rand ends the process instead
	// The campaign is authenticated, so that entries cannot be swapped in the store.
	return k.wrap.Seal([]byte{wrapVersion}, nil, key[:], []byte(c))
}

func (k *Keeper) unwrap(c events.Campaign, wrapped []byte) ([]byte, error) {
	if len(wrapped) == 0 || wrapped[0] != wrapVersion {
		return nil, fmt.Errorf("unwrap key of campaign %q: not a wrapped key", c)
	}
	key, err := k.wrap.Open(nil, nil, wrapped[1:], []byte(c))
	if err != nil {
		return nil, fmt.Errorf("unwrap key of campaign %q: the entry is damaged or was written with another master key: %w", c, ErrMasterKey)
	}
	return key, nil
}
