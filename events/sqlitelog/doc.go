// Package sqlitelog keeps the log, its dead letters and the campaigns' keys in
// SQLite files. Several processes may have one file open; it must lie on a
// local disk.
//
// # What holds
//
// Every write begins with BEGIN IMMEDIATE, which takes the file's only write
// lock, and reads the one row of log_head. So positions are handed out in
// commit order without a gap (I2), and a reader that sees the head at p finds
// every event up to p. The same row carries the account of I5, and a CHECK
// constraint holds it together in every committed state. An event's identity is
// the unique index over campaign and id (I4); whether a second one is a
// duplicate or a conflict is told by its digest.
//
// A dead letter is revived, in one transaction, by such an append: the row goes,
// and what was counted as dead-lettered is counted as an event or as a duplicate.
//
// The file is in WAL mode with synchronous=FULL: a commit that returned is on
// the disk, and readers never wait for the writer.
//
// # How it fails
//
// A transaction that fails, or whose context ends, is rolled back before its
// connection serves again. If a commit's answer is lost, the append may have
// happened; appending again tells. A writer waits up to ten seconds for
// another process's transaction and then fails; nothing is lost by trying
// again.
//
// Reads check that positions are consecutive up to the head, and fail with
// events.ErrGap or events.ErrCorrupt rather than return less than there is.
//
// A file is created readable by its owner only and brought up to date on
// opening, by however many processes start at once.
package sqlitelog
