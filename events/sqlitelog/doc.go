// Package sqlitelog keeps the log, its dead letters and the campaigns' keys in
// SQLite files. It owns these files. Several processes may open one file, which
// must be on a local disk.
//
// # Promises
//
// Every write begins with BEGIN IMMEDIATE, which takes the file's only write lock,
// and reads the one row of log_head. Positions are therefore assigned in commit
// order without a gap (I2), and a reader that sees the head at p finds every event
// up to p. The same row holds the account of I5, and a CHECK constraint enforces
// it in every committed state. The unique index over campaign and id is an event's
// identity (I4); its digest distinguishes a duplicate from a conflict.
//
// A revival appends in the same way, in the transaction that removes the dead
// letters, and the account counts them as events or duplicates instead of as
// dead-lettered.
//
// The file is in WAL mode with synchronous=FULL: a commit that has returned is on
// the disk, and readers do not wait for the writer.
//
// # Failures
//
// A transaction that fails, or whose context ends, is rolled back before its
// connection is used again. If the result of a commit is lost, the append may have
// happened; appending again is harmless. A writer waits up to 10 s for another
// process's transaction and then fails; trying again loses nothing. That, and a file that
// is gone, full or unreadable for now, is events.ErrAway to what appends, withdraws and reads
// events (TestAway); no file takes the place of one that is gone. A process that
// freezes within a transaction keeps the lock, which is the operating system's, until
// it continues or ends: other writers fail meanwhile, and readers go on
// (TestFrozenWriter). Where processes may freeze and others must not wait, the log
// belongs on PostgreSQL; in the embedded service one process alone opens the file.
//
// Reads check that positions are consecutive up to the head, and return
// events.ErrGap or events.ErrCorrupt rather than less than there is.
//
// Opening creates a file that only its owner may read and brings it up to date;
// any number of processes may do so at once. It refuses a file of a newer program.
//
// Recording times never go back. If they leap by more than a day, or the clock is
// behind them, a line says so once: events are recorded at the last one's time until
// the clock has caught up, unless an operator corrects recorded_at.
package sqlitelog
