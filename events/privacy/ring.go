package privacy

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"jangbu/events"
)

// ring is a master key, with the subkeys in use under it. It is immutable.
type ring struct {
	master   MasterKey
	reserved []byte // the store's reserved entry, which it was made of
	bridged  bool   // the former master key opens that entry too
	former   bool   // it was opened with that one

	wrap  cipher.AEAD   // of campaigns' keys
	seals []cipher.AEAD // of dead letters: first the master key's own, then earlier ones
	kept  kept
}

// kept is what a rotation keeps of the former master keys. All dead letters have their ID under
// one key, so that the record that is delivered again keeps its ID (I4).
type kept struct {
	id    [keyBytes]byte
	seals [][keyBytes]byte // newest first
}

const keyBytes = 32

// The forms of an entry, its first byte. The reserved entry is a random value, wrapped like a
// campaign's key, until the first rotation.
const (
	wrapVersion    = 1
	rotatedVersion = 2 // the reserved entry: the length of the bridge, the bridge, what is kept
)

// Purposes of subkeys.
const (
	purposeWrap   = "jangbu/wrap campaign keys"
	purposeSeal   = "jangbu/seal dead letters"
	purposeID     = "jangbu/name dead letters"
	purposeKeep   = "jangbu/keep subkeys of former master keys"
	purposeBridge = "jangbu/bridge to the next master key"
	purposeCache  = "jangbu/authenticate the cache"

	purposeSubjects = "jangbu/hash subjects of tokens" // of the key of the cache
)

// newRing returns the ring of a master key that has replaced others; nil: that has not.
func newRing(master MasterKey, reserved []byte, before *kept) (*ring, error) {
	r := &ring{master: master, reserved: reserved}
	if before == nil {
		id, err := subkey(master.key, purposeID)
		if err != nil {
			return nil, err
		}
		before = &kept{id: *id}
	}
	r.kept = *before
	var err error
	if r.wrap, err = aeadOf(master, purposeWrap); err != nil {
		return nil, err
	}
	own, err := subkey(master.key, purposeSeal)
	if err != nil {
		return nil, err
	}
	for _, key := range append([][keyBytes]byte{*own}, before.seals...) {
		seal, err := aead(&key)
		if err != nil {
			return nil, err
		}
		r.seals = append(r.seals, seal)
	}
	return r, nil
}

// newReserved returns the reserved entry of a new store.
func newReserved(master MasterKey) ([]byte, error) {
	r, err := newRing(master, nil, nil)
	if err != nil {
		return nil, err
	}
	return r.newWrappedKey(events.ReservedKey), nil
}

// openReserved returns the ring of the master key that wraps a store's keys: the given one, or
// the one that has replaced it.
func openReserved(master MasterKey, reserved []byte) (*ring, error) {
	if len(reserved) == 0 {
		return nil, errors.New("the key store has lost its reserved entry: restore the key store")
	}
	switch reserved[0] {
	case wrapVersion:
		r, err := newRing(master, reserved, nil)
		if err != nil {
			return nil, err
		}
		if _, err := r.unwrap(events.ReservedKey, reserved); err != nil {
			return nil, fmt.Errorf("the key store was written with another master key; "+
				"start with that one, or restore the key store that belongs to this one: %w", ErrMasterKey)
		}
		return r, nil
	case rotatedVersion:
		return openRotated(master, reserved)
	default:
		return nil, fmt.Errorf("the key store's reserved entry is of form %d, which this program does not know: run a newer program, or restore the key store", reserved[0])
	}
}

func openRotated(master MasterKey, reserved []byte) (*ring, error) {
	other := fmt.Errorf("the key store was written with another master key, or its master key has been rotated since this one: "+
		"start with the one of now, or restore the key store that belongs to this one: %w", ErrMasterKey)
	if len(reserved) < 2 || len(reserved) < 2+int(reserved[1]) {
		return nil, other
	}
	bridge, body := reserved[2:2+int(reserved[1])], reserved[2+int(reserved[1]):]
	before, former := openKept(master, body), false
	if before == nil && len(bridge) > 0 {
		over, err := aeadOf(master, purposeBridge)
		if err != nil {
			return nil, err
		}
		next, err := over.Open(nil, nil, bridge, nil)
		if err != nil || len(next) != keyBytes {
			return nil, other
		}
		master, former = MasterKey{key: [keyBytes]byte(next)}, true
		before = openKept(master, body)
	}
	if before == nil {
		return nil, other
	}
	r, err := newRing(master, reserved, before)
	if err != nil {
		return nil, err
	}
	r.bridged, r.former = len(bridge) > 0, former
	return r, nil
}

// openKept returns what was kept under the master key, nil if that does not open it.
func openKept(master MasterKey, body []byte) *kept {
	keep, err := aeadOf(master, purposeKeep)
	if err != nil {
		return nil
	}
	plain, err := keep.Open(nil, nil, body, nil)
	if err != nil || len(plain) == 0 || len(plain)%keyBytes != 0 {
		return nil
	}
	k := &kept{id: [keyBytes]byte(plain)}
	for rest := plain[keyBytes:]; len(rest) > 0; rest = rest[keyBytes:] {
		k.seals = append(k.seals, [keyBytes]byte(rest))
	}
	return k
}

// rotated returns the ring of the next master key, whose reserved entry the ring's own master
// key opens too.
func (r *ring) rotated(next MasterKey) (*ring, error) {
	own, err := subkey(r.master.key, purposeSeal)
	if err != nil {
		return nil, err
	}
	k := kept{id: r.kept.id, seals: append([][keyBytes]byte{*own}, r.kept.seals...)}
	over, err := aeadOf(r.master, purposeBridge)
	if err != nil {
		return nil, err
	}
	return rotatedRing(next, &k, over.Seal(nil, nil, next.key[:], nil))
}

// finished returns the ring of the same master key, whose reserved entry no other one opens.
func (r *ring) finished() (*ring, error) { return rotatedRing(r.master, &r.kept, nil) }

func rotatedRing(master MasterKey, k *kept, bridge []byte) (*ring, error) {
	keep, err := aeadOf(master, purposeKeep)
	if err != nil {
		return nil, err
	}
	plain := append([]byte(nil), k.id[:]...)
	for _, seal := range k.seals {
		plain = append(plain, seal[:]...)
	}
	reserved := append([]byte{rotatedVersion, byte(len(bridge))}, bridge...)
	r, err := newRing(master, keep.Seal(reserved, nil, plain, nil), k)
	if err != nil {
		return nil, err
	}
	r.bridged = len(bridge) > 0
	return r, nil
}

func (r *ring) newWrappedKey(c events.Campaign) []byte {
	var key [keyBytes]byte
	_, _ = rand.Read(key[:]) // never fails: crypto/rand ends the process instead
	return r.wrapKey(c, key[:])
}

func (r *ring) wrapKey(c events.Campaign, key []byte) []byte {
	// The campaign is authenticated, so that entries cannot be swapped in the store.
	return r.wrap.Seal([]byte{wrapVersion}, nil, key, []byte(c))
}

func (r *ring) unwrap(c events.Campaign, wrapped []byte) ([]byte, error) {
	if len(wrapped) == 0 || wrapped[0] != wrapVersion {
		return nil, fmt.Errorf("unwrap key of campaign %q: not a wrapped key: %w", c, ErrDamagedKey)
	}
	key, err := r.wrap.Open(nil, nil, wrapped[1:], []byte(c))
	if err != nil {
		return nil, fmt.Errorf("unwrap key of campaign %q: %w", c, ErrDamagedKey)
	}
	return key, nil
}
