// Package pglog keeps the log, its dead letters and the campaigns' keys in
// PostgreSQL 15 or later. It owns the schemas jangbu_log and jangbu_keys.
//
// # Promises
//
// Every write first locks the one row of log_head and holds the lock until it
// commits. Positions are therefore assigned in commit order without a gap (I2),
// and a reader that sees the head at p finds every event up to p. The same row
// holds the account of I5, and a CHECK constraint enforces it in every committed
// state. The unique index over campaign and id is an event's identity (I4); its
// digest distinguishes a duplicate from a conflict.
//
// An append first copies its events by COPY, as if the log held none of them. On a
// unique violation it returns to its savepoint, looks up the identities that
// exist, and copies the other events. The head row stays locked meanwhile, so no
// other writer can add an identity between the lookup and the second COPY.
//
// A revival appends in the same way, in the transaction that removes the dead
// letters, and the account counts them as events or duplicates instead of as
// dead-lettered. Whether a letter still waits is checked under the lock.
//
// # Failures
//
// A transaction that fails, or whose context ends, leaves nothing behind: its
// connection is closed and the server rolls back. If the reply to a COMMIT is
// lost, or a write ends at its deadline of 30 s, it may have happened; writing again
// is harmless. A process that freezes loses its transaction wherever it was, also
// within a COPY, once others have waited for 10 s (TestFrozenWriters), and one whose
// machine is gone too; see events/postgres. Its writes fail when it continues.
//
// Reads check that positions are consecutive up to the head, and return
// events.ErrGap or events.ErrCorrupt rather than less than there is.
//
// Opening brings a schema up to date under a lock, so any number of processes may
// start at once; one that waits for another says so. It refuses a schema of a newer
// program and a database whose encoding is not UTF8.
//
// Recording times never go back. If they leap by more than a day, or the clock is
// behind them, a line says so once: events are recorded at the last one's time until
// the clock has caught up, unless an operator corrects recorded_at.
package pglog
