// Package replay folds the log in memory for callers who ask about it, and serves
// no reader of current rows.
//
// A [Replay] folds the log, an export, or a part of either. [History] is a replay of
// one campaign, for the question what was known at an earlier moment. [Verify] folds
// the log once more and compares every field of every row that is served, at the
// checkpoint that the row was read with. A [Stream] folds the events of one campaign.
//
// # Invariants
//
//   - Nothing that is served changes: the package writes no row and no event.
//   - The folds are those of the service (I6): a replay through a checkpoint gives the
//     rows that a generation has there.
//   - What is read from the log is consecutive (I2); it is checked again.
//
// # Failure
//
// [events.ErrGap] and [events.ErrCorrupt] say that the log is damaged,
// [readmodel.ErrVersion] that rows were built by another version of a fold,
// [readmodel.ErrNotFound] that there is no such campaign and [readmodel.ErrFuture]
// that the log has not come so far. A difference between rows and fold is no error
// but a [Divergence]. Any other error is that of the log or of the rows, wrapped.
package replay
