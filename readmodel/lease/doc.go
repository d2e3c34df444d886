// Package lease keeps a lease of a store of rows for this process: one [Keeper] for
// everything that runs in one process at a time.
//
// # Invariants
//
//   - A term ends no later than the lease does: its end is reckoned by this process's
//     clock from before the store was asked, so it never lies after the store's.
//   - A process that was frozen finds its term at an end when it wakes. What it wrote
//     before it found out is fenced by the lease's epoch.
//   - At most one term of a keeper goes on at a time.
//
// # Failure
//
// A store that cannot be reached costs the lease only once its time is over; until then
// renewals are tried again. A lease that was lost ends the term with
// [readmodel.ErrFenced]. A lease that cannot be given up expires by itself.
package lease
