package sqlitelog

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"jangbu/events"
	"jangbu/events/sqlite"
)

// insertEvents inserts the rows that follow, the first at position ?1. A statement that fails
// need not be undone by itself, as its transaction is: so SQLite keeps no copies of the pages that it
// changes.
const insertEvents = `
INSERT OR FAIL INTO events (position, occurred_at, recorded_at, type, id, digest, campaign, payload, form)
VALUES `

// rowsAtOnce is how many rows a statement inserts: with more, none is cheaper.
const rowsAtOnce = 64

// columnsBound is how many values of a row are bound, besides its position.
const columnsBound = 7

// insertOf returns the statement that inserts n rows.
func insertOf(n int) string {
	var s strings.Builder
	s.WriteString(insertEvents)
	for i := range n {
		if i > 0 {
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, "(?1 + %d, ?, ?, ?, ?, ?, ?, ?, %d)", i, events.CurrentForm)
	}
	return s.String()
}

// inserter inserts events at consecutive positions.
type inserter struct {
	many, one *sql.Stmt // of rowsAtOnce rows, and of one
	next      events.Position
	args      []any // the first is the position of the first row
}

// insert returns an inserter of the events from a position on.
func (l *Log) insert(ctx context.Context, tx *sql.Tx, from events.Position) *inserter {
	return &inserter{
		many: tx.StmtContext(ctx, l.insertMany), one: tx.StmtContext(ctx, l.insertOne),
		next: from, args: make([]any, 1, 1+rowsAtOnce*columnsBound),
	}
}

// add adds an event. Its recording time is boxed, because many have the same.
func (in *inserter) add(ctx context.Context, occurredAt int64, recordedAt any, of *identity, t events.Type, digest *events.Digest, form string) error {
	in.args = append(in.args, occurredAt, recordedAt, int64(t), of.id[:], digest[:], string(of.campaign), form)
	if len(in.args) < cap(in.args) {
		return nil
	}
	return in.exec(ctx, in.many, in.args, rowsAtOnce)
}

// end inserts what remains.
func (in *inserter) end(ctx context.Context) error {
	rest := in.args
	for from := 1; from < len(rest); from += columnsBound {
		if err := in.exec(ctx, in.one, rest[from-1:from+columnsBound], 1); err != nil {
			return err
		}
	}
	return nil
}

func (in *inserter) exec(ctx context.Context, insert *sql.Stmt, args []any, n int) error {
	args[0] = int64(in.next)
	_, err := insert.ExecContext(ctx, args...)
	if sqlite.Taken(err) {
		return fmt.Errorf("%w: position %d, which is next, is taken: %w", events.ErrCorrupt, in.next, err)
	}
	if err != nil {
		return fmt.Errorf("insert events: %w", err)
	}
	in.next += events.Position(n)
	in.args = in.args[:1]
	return nil
}
