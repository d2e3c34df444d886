// Package pglog keeps the log, its dead letters and the campaigns' keys in
// PostgreSQL 15 or later.
//
// # What holds
//
// Every write takes the one row of log_head first and keeps its lock until it
// commits. So positions are handed out in commit order without a gap (I2), and
// a reader that sees the head at p finds every event up to p. The same row
// carries the account of I5, and a CHECK constraint holds it together in every
// committed state. An event's identity is the unique index over campaign and
// id (I4); whether a second one is a duplicate or a conflict is told by its
// digest.
//
// Events enter by COPY, on the optimistic view that none is known. If one is,
// the transaction goes back to its savepoint, looks up which are, and copies
// the others; the head row stays locked all the while, so the second COPY
// cannot meet a stranger.
//
// A dead letter is revived, in one transaction, by such an append under the same
// lock: the row goes, and what was counted as dead-lettered is counted as an event
// or as a duplicate. Who looks at the letters before has to ask again under it.
//
// # How it fails
//
// A transaction that fails, or whose context ends, leaves nothing behind: its
// connection is closed and the server rolls back. If the answer to a COMMIT is
// lost, the append may have happened; appending again tells. A process that
// freezes between two statements loses its transaction after ten seconds, one
// whose machine is gone within half a minute: neither can keep the head row from
// everybody else.
//
// Reads check that positions are consecutive up to the head, and fail with
// events.ErrGap or events.ErrCorrupt rather than return less than there is.
//
// The log lives in the schema jangbu_log, the keys in jangbu_keys. Both are
// brought up to date on opening, under a lock, by however many processes start
// at once.
package pglog
