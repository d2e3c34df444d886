// Package postgres opens a PostgreSQL database for the stores in it, and keeps one process
// from stopping another.
//
// It owns how a session begins, what every transaction of a store pins, and the end of
// sessions whose process is silent. The stores own their schemas and statements.
//
// # Promises
//
//   - A write has a deadline ([Limits.Deadline]). Its outcome is unknown then, and every
//     write of a store may be repeated.
//   - A session that is silent within a transaction keeps others waiting no longer than
//     [Limits.Silence] and a sixth of it (I5, TestFrozenWriters in events/pglog and
//     TestFrozenFill in readmodel/pgrows). The server ends one that is silent between two statements.
//     It does not end one that is silent within a statement, because it reads a message
//     with cancellation held off: within a COPY neither statement_timeout nor
//     idle_in_transaction_session_timeout takes effect before the client continues. So a
//     process that waits looks who blocks it, and terminates a session of its own role
//     that waits for its client and has made no progress.
//   - A transaction is durable unless its store says otherwise, and READ COMMITTED,
//     whatever the defaults of the database or the role are ([Database.Begin]).
//   - A process has no more connections than [Options.Connections], and closes those that it has
//     not used for a minute.
//   - A pooler that gives each transaction a session, such as PgBouncer, may be between:
//     nothing is left in a session then, neither settings nor prepared statements.
//
// # Failures
//
// [Open] fails if the database's encoding is not UTF8, or the server is a standby and is not only
// to be read; on request also if it may lose what it has committed, or has another time. A connection whose other end is
// gone fails after 25 s.
package postgres
