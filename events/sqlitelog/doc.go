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
// it in every committed state. Campaign and id are an event's identity (I4); its digest
// distinguishes a duplicate from a conflict.
//
// A revival appends in the same way, in the transaction that removes the dead
// letters, and the account counts them as events or duplicates instead of as
// dead-lettered.
//
// The file is in WAL mode with synchronous=FULL: a commit that has returned is on
// the disk, and readers do not wait for the writer.
//
// # Segments
//
// The table of events has no index of identities. Each segment of 250,000 positions has a table of
// those of its events, identities_N up to position N. SQLite writes each page that a transaction
// changes, first to the write-ahead log and then to the file, and the keys of identities are random:
// in one index of all, each new event soon writes a page of its own. The last segment has few pages,
// of which each is written for many events. The segments on PostgreSQL are larger, because its
// write-ahead log has rows.
//
// An append inserts its events as if the last segment held none of them, and then their identities,
// which one statement reads from the events. If the segment holds one, the transaction is undone, and
// another one looks up which, as do the appends that follow until one has no duplicate. There is no
// savepoint: SQLite would keep a copy of each page that is changed after it.
//
// So that an identity is once in all segments, an append first compares its identities with those
// of the earlier segments. It asks filters in memory, and then the table of a segment for what its
// filter does not exclude (package events/segments). A segment whose filter is not there is asked
// for all identities, so a filter saves time and nothing depends on it. Filters are kept in the
// table filters by the process that first made one. One is believed only in a log whose chain has
// the link that it was made after, which each append checks under the write lock. Where a campaign is given
// another name in place, the filters of these events are deleted, and a mark in the head row tells
// all processes to read theirs again.
//
// An append that does not find its segment adds it. Triggers make the identities follow what is
// done to events but for their insertion, so that what an operator deletes or repairs by hand is
// known no longer, or under its new name (TestIdentitiesAreThoseOfEvents).
//
// The table of an earlier release had a constraint with an index. The index becomes the table of the
// first segment, whatever its size: SQLite stores both alike, and nothing is copied. A program of
// that release cannot append any more, because it names the constraint.
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
// If filters cannot be read or made, a line says so, and appends take longer.
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
