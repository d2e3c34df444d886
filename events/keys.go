package events

import (
	"context"
	"errors"
	"time"
)

// ReservedKey is the campaign of the key store's reserved entry, by which a master key is
// known to be the store's, or to be no longer: every replacement of the keys replaces it.
const ReservedKey Campaign = ""

// ErrRotated means that a key store's reserved entry is not the one that the caller knows.
var ErrRotated = errors.New("the reserved entry of the key store is another one")

// Keys is the key store: each campaign's key, wrapped by the master key. It is
// kept apart from the log, in its own file or schema, so that a copy of the log
// reveals no phone number (I10). The entry of [ReservedKey] is no campaign's.
type Keys interface {
	// Keys returns the wrapped keys of the given campaigns that have an entry. The
	// entry of a destroyed key exists and is empty.
	Keys(ctx context.Context, campaigns []Campaign) (map[Campaign][]byte, error)
	// Added returns when those of the given campaigns' entries that exist were added, by the
	// store's clock.
	Added(ctx context.Context, campaigns []Campaign) (map[Campaign]time.Time, error)
	// AddKeys durably adds wrapped keys for the campaigns that have no entry and
	// leaves the other entries unchanged. Of two concurrent callers one wins;
	// Keys returns the winner's key. The caller says which reserved entry it knows, empty
	// if none: where the store has another one, AddKeys adds nothing and returns
	// [ErrRotated], so that no key is added under a former master key.
	AddKeys(ctx context.Context, reserved []byte, wrapped map[Campaign][]byte) error
	// ReplaceKeys replaces every entry that is not empty by what replace returns for it, in
	// one transaction: an error of replace is returned and changes nothing. It calls replace
	// for the reserved entry first, and for the others in the order of campaigns. No key is
	// added meanwhile, and one that is destroyed meanwhile stays destroyed.
	ReplaceKeys(ctx context.Context, replace func(campaign Campaign, wrapped []byte) ([]byte, error)) error
	// DestroyKey empties a campaign's entry for good, creating it if necessary.
	DestroyKey(ctx context.Context, campaign Campaign) error
	// Campaigns returns the first campaigns after the given one, at most limit, that have an
	// entry, sorted by bytes.
	Campaigns(ctx context.Context, after Campaign, limit int) ([]Campaign, error)
	// RenameKey gives the entry of a campaign to another one, with the key wrapped for that one,
	// which is empty where it was destroyed; when it was added stays. Where the other has an
	// entry already, that of the first goes. The caller says which reserved entry it knows:
	// [ErrRotated] as AddKeys, and nothing is changed.
	RenameKey(ctx context.Context, reserved []byte, from, to Campaign, wrapped []byte) error
	// Restore adds the entries of the campaigns that have none, with when they were added, in one
	// transaction. That of the reserved entry is one of them.
	Restore(ctx context.Context, entries []KeyEntry) error
	// Compact has the store write its files anew, so that they hold nothing that was replaced.
	Compact(ctx context.Context) error
}
