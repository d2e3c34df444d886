// Package runner keeps the served rows equal to the fold of the log.
//
// A [Runner] follows the log under a lease: of any number of processes one
// folds, the others stand by and take over when its lease runs out. It reads
// each stretch of the log once for all projections that stand at the same
// position, loads the rows that the stretch touches, folds in memory and writes
// absolute rows and checkpoints back in one transaction. Projections that are
// behind, because they are new or were paused, catch up beside those at the head.
//
// What operators ask for ([readmodel.Operation]) the leader carries out beside that, one operation
// after the other: it folds another generation of a projection and puts it in the
// place of the one that is served, folds one campaign anew, goes back to the generation
// before, or pauses. All but the last step runs beside the folding of new events; the
// last one runs between two batches, while nothing that is served moves,
// and ends the operation in the transaction that changes what is served. A leader that is
// killed leaves what is served as it was, and its successor begins the operation again.
// Rows of an earlier version of a projection are served, but not added to, until they
// have been rebuilt, which a leader asks for by itself.
//
// Invariants:
//
//   - I1, I6: a checkpoint moves only by compare-and-set from where the fold
//     started, in the transaction that writes the rows, so every event counts
//     once whatever is killed, frozen or run twice.
//   - I2: what is read from the log is consecutive; the runner checks it again.
//
// Failures: a database that fails is asked again, with growing pauses, from the
// last committed checkpoint; nothing in memory survives an error. Being fenced
// is no failure: the runner acquires its lease anew. A broken invariant (a gap,
// a record that cannot be read back, rows ahead of their log) ends [Runner.Run]
// with an error, for a wrong number is worse than none.
package runner
