// Package redis is the level of the cache that processes share, in a Redis. It owns the
// keys analytics:dashboard:{eventId}, the channel analytics:changes and the form of what
// they carry.
//
// # Promise
//
// Nothing here is needed for what [cache.Cache] promises: it proves what it gets from a
// [Level] like any other entry. A Level exists so that a value that is fetched can be
// served:
//
//   - A key holds the revision, in digits that order as it does, and then the rows with
//     the campaign's name and a checksum; or the revision alone, a tombstone. Rows have a
//     TTL of 300 s, give or take a tenth.
//   - A script stores a value only where no later revision is, or where that is one that the
//     rows do not have: it was of a past that the store has lost. A reader that was delayed
//     between reading rows and storing them cannot replace newer ones.
//   - After a commit, another script sets a tombstone of its revision where no rows are,
//     for longer than a load may take, to the same end.
//   - Rows that are older than a commit are reported to the process that committed, which
//     refreshes them: keys in use are never empty.
//
// Commits are announced over the channel, at most once. Lookups gather while others are
// under way and travel together.
//
// # Failure
//
// A reader waits 25 ms for Redis, and not at all while the breaker is open: for 1 s after
// five failures in a row, or more than half of at least ten in 10 s. A value of another
// campaign or another store, an old one or a damaged one is not served, and a damaged one
// is replaced. Queues are bounded; what does not fit is dropped and counted.
//
// A client that can write to this Redis can forge values and notices: protect it like
// the database.
package redis
