// Package sqliterows keeps the rows of the projections in one SQLite file. Any number of
// processes of one machine may open it.
//
// # Owns
//
// The file, its schema, which schema.sql creates and describes, and the statements over
// it. Those over a projection's table are made from its [readmodel.Table]. And the views of
// views.sql, in which analysts ask for what the page shows.
//
// # Invariants
//
//   - A commit is one transaction over rows and checkpoints (I6). It takes the file's
//     write lock first, then checks its lease and moves the checkpoints by
//     compare-and-set. Of two commits from one checkpoint one succeeds, and a lease
//     never changes hands within a commit.
//   - A read is one snapshot (WAL), of the active generations only, and never waits for
//     a commit. Its statements find only rows within its scope (I12).
//   - A read returns the revision of its rows, a commit the revision that it makes.
//   - The rows are disposable. A commit does not wait for the disk: a crash of the
//     machine, not of the process, can take back the last commits, that is rows,
//     checkpoints and revision together, and the projections fold those events again.
//   - Leases expire by the clock of the machine, which all processes that open the file
//     share.
//
// # Failure
//
// A method that returns an error has written nothing. A write fails where another process
// holds the write lock for more than 10 s. That, and a file that is gone, full or unreadable
// for now, is events.ErrAway (TestAway); no file takes the place of one that is gone.
package sqliterows
