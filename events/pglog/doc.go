// Package pglog keeps the log, its dead letters and the campaigns' keys in
// PostgreSQL 15 or later. It owns the schemas jangbu_log and jangbu_keys.
//
// # Promises
//
// Every write first locks the one row of log_head and holds the lock until it
// commits. Positions are therefore assigned in commit order without a gap (I2),
// and a reader that sees the head at p finds every event up to p. The same row
// holds the account of I5, and a CHECK constraint enforces it in every committed
// state. Campaign and id are an event's identity (I4); its digest distinguishes a
// duplicate from a conflict.
//
// An append first copies its events by COPY, as if the last segment held none of them. On a
// unique violation it returns to its savepoint, looks up the identities that
// exist, and copies the other events. The head row stays locked meanwhile, so no
// other writer can add an identity between the lookup and the second COPY.
//
// # Segments
//
// The table of events is partitioned by position into segments of a million, jangbu_log.events_N
// up to position N, each with an index of its own of positions and a unique one of identities.
// The table of an earlier release is the first segment, whatever its size: nothing is copied.
// The random keys of identities make an index that is larger than the cache write a page for each
// event, and most of it to the write-ahead log; the last segment's index is always in the cache.
//
// So that an identity is once in all segments, an append that holds the head row compares its
// identities with those of the earlier segments before the COPY: it asks filters in memory, and
// then the index of a segment for what its filter does not exclude (package events/segments). A
// segment whose filter is not there is asked for all identities, so a filter saves time and
// nothing depends on it. The first append beyond a border is compared with the segment before in
// this way, too.
//
// Filters are kept in jangbu_log.filters, one for each million positions, by the process that first
// made one from the segment's identities. They cost 2 bytes an event, there and in each process
// that appends more than 1,000 events: 200 MB for 100 million. A filter is believed only in a log
// whose chain has the link that the filter was made after, which an append checks under the lock
// for the newest one that it has: a log that was restored, or exchanged for another, under a
// running process has not. Where a campaign is given another name in place, the filters of these
// events are deleted, and a mark in the head row tells all processes to read theirs again.
//
// The next segment is added when half of the last one is full, beside the appends and without a
// lock that readers or appends wait for. An append that does not find it adds it itself. Programs
// of before segments are refused by a trigger as soon as they append.
//
// The alternatives were measured or thought through, and left. A smaller key (a hash of 8 bytes)
// makes the index smaller by half, so it falls out of the cache later, and a collision has to be
// told from a duplicate. Hash partitions are as random as one index. BRIN has no order to use in
// random keys. Partial indexes of one table, one for each stretch, cost each COPY the evaluation of
// all their predicates, and the planner reads them all. A merge of sorted runs (LSM) is not
// PostgreSQL's, and would be written here. A primary key of Kafka's offsets would not recognise a
// record that is produced twice.
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
// If filters cannot be read or made, a line says so, and appends take longer.
//
// Opening brings a schema up to date under a lock, so any number of processes may
// start at once; one that waits for another says so. It refuses a schema of a newer
// program and a database whose encoding is not UTF8.
//
// Recording times never go back. If they leap by more than a day, or the clock is
// behind them, a line says so once: events are recorded at the last one's time until
// the clock has caught up, unless an operator corrects recorded_at.
package pglog
