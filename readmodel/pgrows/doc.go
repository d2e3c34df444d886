// Package pgrows keeps the rows of the projections in PostgreSQL, in the schema
// jangbu_rows. Any number of processes may use one database.
//
// What holds:
//
//   - A commit is one transaction over rows and checkpoints (I6). It first
//     locks its lease's row in share mode and then moves the checkpoints by
//     compare-and-set; so of two commits from one checkpoint one wins, and who
//     takes the lease waits for a commit in flight and fences every later one.
//   - A read is one snapshot in one round trip, of the active generations only.
//     What is not in its scope does not leave the database (I12).
//   - The revision is read with the rows, and within the commit that makes it, which
//     for that, last of all, locks the row of the store: so all commits have an order.
//   - The rows are disposable. A commit does not wait for the disk: a crash of
//     the server can take back the last commits, rows, checkpoints and with them the
//     revision, and the projections fold those events again. Leases are durable.
//
// How it fails: an error leaves nothing written, but where it struck during the
// final commit the outcome is unknown; the next commit from the same checkpoint
// then finds out by [readmodel.ErrFenced]. A process that is frozen within a
// transaction is cut off by the server after ten seconds, so that it blocks a
// successor no longer than that.
package pgrows
