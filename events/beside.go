package events

import "time"

// Beside is some of what a log keeps beside its events, as a backup holds it. Records of erasures
// are not among it: they come back with the events ([Erasures.Restore]).
type Beside struct {
	Letters  []DeadLetter
	Sources  []SourceState
	Accesses []Access // in the order of their IDs; a log gives them others
	Rights   []WithdrawnRight
}

// KeyEntry is a campaign's entry of a key store, as a backup holds it.
type KeyEntry struct {
	Campaign Campaign
	Wrapped  []byte // empty: the key was destroyed
	AddedAt  time.Time
}
