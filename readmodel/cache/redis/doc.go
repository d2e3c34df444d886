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
//     the campaign's name and a MAC; or the revision alone, a tombstone. Rows have a TTL of
//     300 s, give or take a tenth, and are at most 64 KiB long.
//   - A script stores a value only where no later revision is, or where that is one that the
//     rows do not have: it was of a past that the store has lost. A reader that was delayed
//     between reading rows and storing them cannot replace newer ones.
//   - After a commit, another script sets a tombstone of its revision where no rows are,
//     for longer than a load may take, to the same end: at once, and where the campaign has
//     been marked a short while ago within 250 ms. So a campaign costs as many writes in a
//     second whatever the number of commits (TestChangesAreSeenAtOnce).
//   - Rows that are older than a commit are reported to the process that committed, which
//     refreshes them: keys in use are never empty.
//
// Commits are announced over the channel, at most once. Lookups gather while others are
// under way and travel together.
//
// In a cluster each script has one key, and each campaign is where the slot of its key is. The
// channel is that of the whole cluster; what is announced goes by way of one node, which keeps its
// order. A slot that moves or is taken over may lose a tombstone with its node; what is then stored
// is older than the revision that is current, and is not served (TestRedisCluster).
//
// # Failure
//
// A reader waits 25 ms for Redis, and not at all while the breaker is open: for 1 s after
// five failures in a row, or more than half of at least ten in 10 s. A value of another
// campaign or another store, an old one or a damaged one is not served, and a damaged one
// is replaced. A Redis in this process ([InProcess]) is given up only after 2 s: it cannot
// be away, and where the processors are busy a breaker would only add work (TestPatience). A
// cluster has one breaker: while a node is away, those of the others are used between its
// openings. Queues are bounded; what does not fit is dropped and counted.
//
// # Trust
//
// Redis is not believed. Values and notices carry a MAC (HMAC-SHA-256, 16 bytes) under a key
// that the processes share and Redis does not have, over all that they say: campaign,
// incarnation, revision, the tables' description and the rows. What was made without the key
// is a miss, is counted, and is replaced by what is read next (TestForgedValuesAreMisses); a
// genuine value that is put back is of a revision that is not current, and is not served
// (TestOldValuesAreMisses). Who may read is decided by rows that were proven.
//
// So a client that can write to this Redis can cost time, and nothing else. Tombstones and
// the order of values carry no MAC: one that is of no revision that the rows have had is
// replaced by the next read (TestForgedTombstones). Of forged notices a subscription takes at
// most 100 in a second, of any 2,000 or 32 MiB, and is then begun anew after a second
// (TestForgedNotices); one notice is as long as Redis lets it be, by default 32 MB. A client
// that can read this Redis reads the rows of campaigns that are in use, which hold no personal
// data (I10).
package redis
