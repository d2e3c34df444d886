// Package runner keeps the served rows equal to the fold of the log.
//
// A [Runner] waits for a lease: of any number of processes one is the leader, the others
// stand by and take over when its lease runs out. The leader reads each stretch of the
// log once for all projections that stand at the same position, loads the rows that the
// stretch touches, folds in memory, and writes absolute rows and checkpoints back in one
// transaction. While one stretch is written the next is folded: onto copies of the rows that
// are being written, and of as many events as are read meanwhile, up to a bound. Projections
// that are behind, because they are new or were paused, catch up beside those at the head.
//
// The leader's worker carries out operations ([readmodel.Operation]), one after the other:
// it builds another generation of a projection and puts it in the place of the active one,
// folds one campaign anew, goes back to the generation before, or pauses a projection. All
// but the last step of an operation runs beside the folding of new events. The last step
// is taken between two batches, while nothing that is served moves, and ends the operation
// in the transaction that changes what is served. Rows of an earlier version of a
// projection are served, but not folded further, until they are rebuilt, which the leader
// asks for by itself. It asks once as well where an earlier program kept no snapshots of the rows
// (TestUnkeptPast).
//
// # Invariants
//
//   - A checkpoint moves only by compare-and-set from where the fold started, in the
//     transaction that writes the rows, so every event counts once whatever is killed,
//     frozen or run twice (I1, I6).
//   - A stretch is written after the one before it has been, and known to others after that. What
//     was folded onto a write that failed, was fenced, or whose answer was lost, is dropped
//     (I1, I15; TestNothingIsWrittenOntoAFailure, TestNextStretchIsFoldedMeanwhile).
//   - A leader that wakes up with rows that its successor has folded further is fenced by them
//     (TestWokenLeaderIsFenced).
//   - What is read from the log is consecutive (I2); the leader checks it again.
//   - What is served is of the log's history (I13). A checkpoint holds the link of the log's
//     chain there; as a term begins, and once a minute, the leader compares it with the log.
//     Rows of a history that the log does not have are abandoned at once and rebuilt. Each
//     term gives the rows a new incarnation, since it may begin on an older copy of them.
//   - The rows that the leader last committed stay in memory, and are loaded no more. They are
//     those of the store, since it alone writes under the lease; they are dropped before each
//     operation, after a failure and with the term, and what the log keeps in memory with them
//     (TestOverwrittenEventsAreFoldedAsTheyAre).
//   - A snapshot of a campaign is written with the rows of its stretch, in their transaction, so it is
//     of a state that the log has led to. What folds a campaign anew, or a generation, replaces its
//     snapshots with its rows (TestThePastIsKept).
//   - What is served is replaced in one transaction, by a generation that has caught up
//     with it (I7).
//
// # Failure
//
// After an error of a database the runner begins again, with growing pauses, from the last
// committed checkpoint, and with no row in memory. A lost lease is acquired anew. A
// leader that is killed leaves what is served as it was, and its successor begins the
// operation again. An operation that fails is recorded with its error, and the next one is
// carried out. A broken invariant (a gap, an event that cannot be read back) ends
// [Runner.Run] with an error rather than serve a wrong number.
package runner
