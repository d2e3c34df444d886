// Package sqliterows keeps the rows of the projections in one SQLite file.
//
// What holds:
//
//   - A commit is one transaction over rows and checkpoints (I6). It takes the
//     file's write lock first, then looks at its lease and moves the checkpoints
//     by compare-and-set; so of two commits from one checkpoint one wins, and a
//     lease never changes hands within a commit.
//   - A read is one snapshot (WAL), of the active generations only, and never
//     waits for a commit. Its statements look for rows within its scope only (I12).
//   - The revision is read with the rows, and within the commit that makes it.
//   - The rows are disposable. A commit does not wait for the disk: a crash of
//     the machine, not of the process, can take back the last commits, rows,
//     checkpoints and with them the revision, and the projections fold those events
//     again.
//   - Leases expire by the clock of this machine, which all processes that can
//     open the file share.
//
// How it fails: an error leaves nothing written. Where another process holds
// the write lock for more than ten seconds, a write fails.
package sqliterows
