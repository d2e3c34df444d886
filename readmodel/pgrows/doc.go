// Package pgrows keeps the rows of the projections in PostgreSQL. Any number of processes
// may use one database.
//
// # Owns
//
// The schema jangbu_rows, which schema.sql creates and describes, and the statements over
// it. Those over a projection's table are made from its [readmodel.Table]. And the views of
// views.sql, in which analysts ask for what the page shows.
//
// # Invariants
//
//   - A commit is one transaction over rows and checkpoints (I6). It locks the row of
//     its lease in share mode, then moves the checkpoints by compare-and-set. Of two
//     commits from one checkpoint one succeeds. A process that takes the lease waits
//     for a commit in flight and fences every later one.
//   - A read is one snapshot in one round trip, of the active generations only. Rows
//     outside its scope do not leave the database (I12).
//   - A read returns the revision of its rows. A commit locks the row of the store last
//     of all and then reads the revision that it makes, so all commits have an order.
//   - The rows are disposable. A commit does not wait for the disk: a crash of the
//     server can take back the last commits, that is rows, checkpoints and revision
//     together, and the projections fold those events again. Leases are durable.
//
// # Failure
//
// A method that returns an error has written nothing, except where the final COMMIT
// itself failed: then the outcome is unknown, and the next commit from the same
// checkpoint returns [readmodel.ErrFenced] if the first one took effect. A write
// ends at its deadline of 30 s. A process that freezes loses its transaction wherever it
// was, also within the COPY of a fill, once others have waited for 10 s (TestFrozenFill);
// see events/postgres. A schema of a newer program is refused.
package pgrows
