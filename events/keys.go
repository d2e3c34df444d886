package events

import "context"

// Keys is the key store: each campaign's key, wrapped by the master key. It is
// kept apart from the log, in its own file or schema, so that a copy of the log
// reveals no phone number (I10). The entry of the campaign "" is reserved for a
// value that detects a wrong master key.
type Keys interface {
	// Keys returns the wrapped keys of the given campaigns that have an entry. The
	// entry of a destroyed key exists and is empty.
	Keys(ctx context.Context, campaigns []Campaign) (map[Campaign][]byte, error)
	// AddKeys durably adds wrapped keys for the campaigns that have no entry and
	// leaves the other entries unchanged. Of two concurrent callers one wins;
	// Keys returns the winner's key.
	AddKeys(ctx context.Context, wrapped map[Campaign][]byte) error
	// DestroyKey empties a campaign's entry for good, creating it if necessary.
	DestroyKey(ctx context.Context, campaign Campaign) error
}
