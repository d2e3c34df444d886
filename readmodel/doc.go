// Package readmodel defines what is served: the rows of the projections, the tables that
// hold them, and the contract of a store that keeps them. It does no I/O and reads no
// clock.
//
// # Owns
//
//   - The row types, one for each projection: [CampaignStats], [ChannelStats],
//     [ParticipationHour] and [ParticipantProfile]. A [Table] describes the columns of each
//     as data. Stores, caches and comparisons of rows walk the tables; no other list of
//     columns exists.
//   - [Rows], rows in memory by key, and [Keys], which name rows. Folds work on both.
//     [CampaignRows] holds the rows of one campaign, and a [Codec] encodes them for what keeps
//     copies outside the stores.
//   - The contract of a [Store], made of [Reader], [Generations], [Leases],
//     [Operations] and [Proofs], with its sentinels. The packages below implement it, and
//     package readmodeltest tests it.
//   - The [Snapshot], which stores keep with the rows for questions about the past: it is removed by
//     whatever removes the rows of its campaign or generation, in the same transaction.
//   - [Freshness] and [History], which packages above the stores implement.
//   - [Scope], [Revision], and the arithmetic of amounts in won.
//
// # Invariants
//
//   - Rows equal the fold of the log up to their [Checkpoint], on every store (I6).
//     [Store.Commit] replaces rows by absolute values and moves the checkpoints in one
//     transaction, if these are where the fold started, or it writes nothing.
//   - Reads never stop (I7). A [Reader] reads one snapshot of the active generations.
//     Another generation is built beside them and becomes active in one transaction,
//     which also ends the [Operation] that it carries out.
//   - Unknown is not zero (I8). A [Figure] that no channel reported has no time, an
//     amount that the owner did not give is nil, and both are NULL in a database.
//   - Money is integer won (I11). A sum that does not fit becomes [WonOverflow] and
//     stays so.
//   - A [Revision] names a state of the rows that are served. A later read has the same
//     revision and the same rows, or a higher revision. A commit returns the revision
//     that it makes.
//   - The rows know their history (I13). A [Checkpoint] holds the link of the log's chain at
//     its position. Rows of a history that the log no longer has are abandoned: they are not
//     served and not returned to. The incarnation of a revision is never one of a history
//     that was lost.
//   - Owners see their own (I12). Every read has a [Scope], which is part of the query.
//     A campaign outside the scope is answered exactly as one that does not exist:
//     with [ErrNotFound], or with an empty list.
//
// # Failure
//
// A write whose checkpoint, lease or operation has moved on returns [ErrFenced] and
// writes nothing; the caller reloads or stops. Rows that a later version of a projection
// built are never folded further ([ErrVersion]). Any other error is the database's,
// wrapped, and the caller may always try again. Errors in the program, such as a table
// whose key does not begin with the campaign, panic when the program starts.
package readmodel
