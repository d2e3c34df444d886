// Package lease keeps a lease of a store of rows for this process: one [Keeper] for
// everything that runs in one process at a time.
//
// # Invariants
//
//   - A context that [Keeper.Term] returned ends no later than the lease: its end is
//     reckoned by this process's clock from before the store was asked, so it never lies
//     after the store's.
//   - What [Keeper.Hold] runs ends once another process has taken the lease. What it
//     writes until then is fenced by the lease's epoch, which grows whenever the lease
//     changes hands. A process that was slow, or frozen, goes on where the epoch is its own.
//   - At most one term of a keeper goes on at a time.
//
// # Failure
//
// Renewals that fail are tried again until the lease expires, and once more then. A lease
// that was lost ends the term with [readmodel.ErrFenced]. A lease that cannot be given up
// expires by itself.
package lease
