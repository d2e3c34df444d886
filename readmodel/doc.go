// Package readmodel is what readers see of the log, and the contract between
// those who make it and those who serve it.
//
// It holds the rows of four tables, one per projection ([EventStats],
// [ChannelStats], [ParticipationHour], [ProfileCount]); the stores' contract
// ([Reader], [Distributions], [Writer], [Leases], [Snapshots], [Builds], [Mending], [Operations])
// with its sentinels, and that of who looks back ([History]). It does no I/O and reads no
// clock. Stores in the packages below it keep rows and compute nothing.
//
// # Invariants
//
//   - Rows equal the fold of the log up to their [Checkpoint], on every store
//     (I6). A [Writer] replaces rows by absolute values and moves the checkpoint
//     in one transaction, from exactly where the fold started, or not at all.
//   - Reads never stop (I7). [Reader] and [Distributions] read one snapshot of
//     the active generations; another generation is built beside them and takes
//     over in one transaction, which ends the [Operation] that asked for it.
//   - Unknown is not zero (I8). A [Figure] that no channel reported, an amount
//     that no owner gave and a ratio without a divisor are null in a dashboard.
//     Only in sums do they count as 0, and a channel that never answered says
//     that it is unavailable.
//   - Money is integer won (I11). Sums that do not fit become [WonOverflow] and
//     stay so; a dashboard shows null for them and for whatever depends on them.
//     Ratios are computed with integers and rounded once: they are finite, or null.
//   - A [Revision] names a state of what is served: a later read has the same one and
//     the same rows, or a higher one. A commit returns the one that it makes.
//   - Owners see their own (I12). Every read has a [Scope], which is part of the
//     query itself: what it does not allow is answered exactly as what does not
//     exist, with [ErrNotFound] or an empty list.
//
// # Failure
//
// A writer whose checkpoint or lease has moved on gets [ErrFenced] and nothing is
// written; it reloads or stops. Rows of another version of a projection are never
// added to ([ErrVersion]). Any other error is the store's and passes through,
// wrapped: trying again is always right.
package readmodel
