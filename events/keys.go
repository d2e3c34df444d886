package events

import "context"

// Keys is the key store: each campaign's key, wrapped by the master key. It
// lives apart from the log, in its own file or schema, so that a copy of the
// log tells nobody a phone number (I10). The campaign "" is reserved for a
// value by which a wrong master key is recognised.
type Keys interface {
	// Keys returns the wrapped keys of those campaigns that have an entry. The
	// entry of a destroyed key is there and empty.
	Keys(ctx context.Context, campaigns []Campaign) (map[Campaign][]byte, error)
	// AddKeys adds wrapped keys, durably, for the campaigns that have no entry
	// and leaves the others as they are. Of two concurrent callers one wins;
	// ask Keys which.
	AddKeys(ctx context.Context, wrapped map[Campaign][]byte) error
	// DestroyKey empties a campaign's entry for good, also where it had none.
	DestroyKey(ctx context.Context, campaign Campaign) error
}
