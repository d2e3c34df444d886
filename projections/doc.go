// Package projections holds the folds from the log to the rows that are served,
// one file each, and their registry, [All].
//
// A projection is data: a table, a version and two pure functions. Touch names the rows
// that an event needs, Fold changes them. The caller loads and writes rows, so the same
// functions serve following live, rebuilding, verifying and replaying into memory.
//
// # Invariants
//
//   - A fold depends on the events and their order in the log alone: on no
//     clock, no randomness and no I/O, which the imports forbid (I6).
//   - Any interleaving of topics is accepted: participants, distributions and
//     figures of a campaign may stand in the log before its creation (I6).
//   - Fold reads and writes only rows whose keys Touch names, in the one table
//     that bears the projection's name. So a batch can be folded onto the rows
//     that it touches, and projections can be rebuilt one by one.
//   - Folding a log in one go and in batches, with rows carried through a store
//     in between, gives the same rows (I6). Times in rows are therefore whole
//     microseconds in UTC, as stores keep them.
//   - A channel's figure changes only by a report that carries it (I8).
//   - A sum of money that is too large becomes [readmodel.WonOverflow] and stays
//     so (I11).
//
// # Failure
//
// Folding a well-formed event cannot fail. To fold an event onto a campaign's row that
// has already taken it would count it twice (I1), and is an error of the caller: the fold
// of event_stats panics, and the process stops rather than serve a wrong number.
//
// # Adding one
//
// A projection is one Go file here, after the model of the one in the README: the type of
// its rows, their table ([readmodel.NewTable]), Touch, Fold and a version; an entry in
// [All]; and a CREATE TABLE in readmodel/pgrows/schema.sql and
// readmodel/sqliterows/schema.sql. The tables that the dashboard reads have their types
// in readmodel. The rows of a new projection are folded from position 0. Raise its
// version with every change of what it makes of a log.
package projections
