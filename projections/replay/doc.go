// Package replay folds the log in memory, beside the folds that are served.
//
// [Run] folds the log, an export, or a part of either. [History] replays one campaign
// as of an earlier moment, from the last snapshot before it: [Snapshots] are taken while the log is
// folded, and kept with the rows, so that a question reads some thousand events at most, also the first
// one of a process. Where none is kept that is near, as of rows that were made before there
// were any and are not yet rebuilt, the first question about a campaign reads its stream up to the moment, which takes
// seconds for a million events, leaves snapshots in memory, and those that come meanwhile share
// that. [Evidence] finds the events of a campaign that count, and those that do at one position and not at another. [Verify]
// folds the log once more and compares every field of every row that is served, at the
// checkpoint that the row was read with. A [Stream] folds the events of one campaign.
//
// The tests of Verify and of Stream are those of the runner, which makes the rows that
// they are compared with.
//
// # Invariants
//
//   - Nothing that is served changes: the package writes no row and no event.
//   - The folds are those of the service (I6): a replay through a checkpoint gives the
//     rows that a generation has there.
//   - What is read from the log is consecutive (I2); it is checked again.
//   - A past moment changes by an erasure alone, and what a [History] keeps is never older than
//     the last one. A withdrawal changes no moment before it: moments after it have snapshots of
//     their own, and share those from before the first event withdrawn. What is kept ends with
//     the history of the log (I13): a link of the chain at or after all of it is compared before
//     each answer.
//   - A snapshot is what a replay through its event gives. One that is kept with the rows is used if
//     the link of its generation's checkpoint is the log's there, the fold is of the generation's
//     version, as many events of the campaign are overwritten as there were before it was taken, and
//     what is withdrawn at the moment was withdrawn, of the events before, at its event
//     (TestThePastIsAReplay, TestHistoryWithoutSnapshots in the runner). None is used of a campaign
//     whose name identifies a person: its events move to another name, some at a time
//     (TestThePastOfARenamedCampaign).
//
// # Failure
//
// [events.ErrGap] and [events.ErrCorrupt] say that the log is damaged,
// [readmodel.ErrVersion] that rows were built by another version of a fold,
// [readmodel.ErrNotFound] that there is no such campaign and [readmodel.ErrFuture]
// that the log ends before the position. Snapshots that cannot be read are no failure of a [History]:
// it folds from the log, and logs that once (TestHistoryWithoutTheRows in the runner). A difference between rows and fold is a
// [Divergence], not an error. Any other error is that of the log or of the rows, wrapped.
package replay
