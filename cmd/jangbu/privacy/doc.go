// Package privacy is the commands that keep persons private: erase forgets a person, or links
// no phone number of a campaign any more; scan finds what earlier releases stored that identifies a
// person, and overwrites it; name says what an id is called since; rotate wraps the campaigns' keys with a new master key;
// cache-key derives from it the key of those processes that only read; accesses lists what
// operators did with the log.
//
// It promises that no total changes, that every erasure is recorded with who, why and when, and
// that the same command goes on with one that was killed (I10). While the master key is rotated,
// and until the rotation is finished, the former and the new one open everything
// (TestRotationKilled below cmd/jangbu).
//
// The help of each says with which code it exits.
package privacy

// Command erases persons, finds what earlier releases stored of them, names ids, rotates the master key and derives the cache's, and lists
// accesses.
type Command struct {
	Erase    eraseCommand    `cmd:"" help:"Forget a person in a campaign, or all phone numbers of a campaign."`
	Scan     scanCommand     `cmd:"" help:"Find what earlier releases stored that identifies a person, and overwrite it."`
	Name     nameCommand     `cmd:"" help:"Print the name that scan --erase gives to an id."`
	Rotate   rotateCommand   `cmd:"" help:"Wrap the campaigns' keys with a new master key."`
	CacheKey cacheKeyCommand `cmd:"" help:"Derive the key of a Redis that processes share."`
	Accesses accessesCommand `cmd:"" help:"List what operators copied, opened or changed, and why."`
}
