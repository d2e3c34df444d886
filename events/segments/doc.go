// Package segments says in which segment of a log an identity may be. It knows no database.
//
// # Why
//
// An append must know whether the log holds an identity already (I4). One index of all
// identities answers that, but its keys are random: once it is larger than the cache, each new
// event reads and writes a page of its own. So a log is kept in segments of consecutive
// positions, each with an index of its own. The index of the last one, which grows, stays in the
// cache. Of the others, which do not change any more, a [Filter] in memory says which identities
// they do not hold, and their indexes are asked for the few that remain.
//
// # Promises
//
//   - A filter never excludes an identity that was added to it (TestNeverAFalseNegative).
//   - It has two bytes for each position of its range, and lets about one in 2,000 other
//     identities pass. These cost a look into an index and nothing else.
//   - A filter may be missing: [Ask] says so, and all identities are to be looked up.
//   - A filter that was kept can be read by a later program: its hash has no seed.
//
// Filters are of one log. [Known] has the link of its chain that tells whether an append is to that
// log, and the mark of its last renaming: a campaign that is given another name in place changes
// identities. Both are compared in the transaction that appends.
//
// A [Tender] keeps the filter of what its process appends (TestOwn), so that a full range is not read back
// and appends know it at once (TestOwnFilterIsKnownAtOnce),
// and reads and makes filters beside the appends of a process, by functions of the adapter.
// A log of 100 million events has filters of 200 MB, in each process that appends to it more than a
// few events.
package segments
