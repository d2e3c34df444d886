package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"jangbu/events"
)

const addLink = `INSERT INTO links (position, link, origins) VALUES (?, ?, ?)`

const readLink = `SELECT link FROM links WHERE position = ?`

const readMark = `SELECT position, link FROM links WHERE position <= ? ORDER BY position DESC LIMIT 1`

const readMarks = `SELECT position, link FROM links WHERE position > ? ORDER BY position LIMIT ?`

const readDigests = `SELECT digest FROM events WHERE position > ? AND position <= ? ORDER BY position`

// markOf returns the mark of the head.
func markOf(ctx context.Context, tx *sql.Tx, head events.Position) (events.Mark, error) {
	m := events.Mark{Position: head}
	if head == 0 {
		return m, nil
	}
	var raw []byte
	err := tx.QueryRowContext(ctx, readLink, int64(head)).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return m, fmt.Errorf("%w: position %d, the head, has no link", events.ErrCorrupt, head)
	}
	if err != nil {
		return m, fmt.Errorf("read link: %w", err)
	}
	m.Link, err = linkOf(raw, head)
	return m, err
}

// linkOf returns the stored link of a position.
func linkOf(raw []byte, at events.Position) (events.Link, error) {
	if len(raw) != len(events.Link{}) {
		return events.Link{}, fmt.Errorf("%w: the link of position %d has %d bytes", events.ErrCorrupt, at, len(raw))
	}
	return events.Link(raw), nil
}

// link stores the link of the transaction's last event, and the origins of all.
func link(ctx context.Context, tx *sql.Tx, m events.Mark, from events.Origins) error {
	if _, err := tx.ExecContext(ctx, addLink, int64(m.Position), m.Link[:], from.Stored()); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	return nil
}

// chain implements [events.Chain] in the database of its log.
type chain struct{ *Log }

var _ events.Chain = chain{}

// Chain implements [events.Log].
func (l *Log) Chain() events.Chain { return chain{l} }

// Link implements [events.Chain]. It reads the digests from the last stored link on: at most
// those of one transaction.
func (l chain) Link(ctx context.Context, at events.Position) (link events.Link, ok bool, err error) {
	if at > 0 {
		link, ok, err = l.link(ctx, at)
	}
	if err != nil {
		return events.Link{}, false, fmt.Errorf("read link of position %d: %w", at, err)
	}
	return link, ok || at == 0, nil
}

func (l chain) link(ctx context.Context, at events.Position) (_ events.Link, ok bool, err error) {
	head, err := l.head(ctx)
	if err != nil || at > head {
		return events.Link{}, false, err
	}
	m, err := l.markBefore(ctx, at)
	if err != nil || m.Position == at {
		return m.Link, err == nil, err
	}
	rows, err := l.reader.QueryContext(ctx, readDigests, int64(m.Position), int64(at))
	if err != nil {
		return events.Link{}, false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var raw sql.RawBytes
		if err := rows.Scan(&raw); err != nil {
			return events.Link{}, false, err
		}
		if len(raw) != len(events.Digest{}) {
			return events.Link{}, false, fmt.Errorf("%w: position %d: digest has %d bytes", events.ErrCorrupt, m.Position+1, len(raw))
		}
		m = m.Next(events.Digest(raw))
	}
	if err := rows.Err(); err != nil {
		return events.Link{}, false, err
	}
	if m.Position != at {
		return events.Link{}, false, fmt.Errorf("%w: %d events up to it", events.ErrGap, m.Position)
	}
	return m.Link, true, nil
}

// markBefore returns the last stored mark up to a position.
func (l *Log) markBefore(ctx context.Context, at events.Position) (m events.Mark, err error) {
	var raw []byte
	err = l.reader.QueryRowContext(ctx, readMark, int64(at)).Scan(&m.Position, &raw)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return m, nil
	case err == nil:
		m.Link, err = linkOf(raw, m.Position)
	}
	return m, err
}

// Marks implements [events.Chain].
func (l chain) Marks(ctx context.Context, after events.Position, limit int) ([]events.Mark, error) {
	marks, err := l.marks(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	return marks, nil
}

func (l *Log) marks(ctx context.Context, after events.Position, limit int) (marks []events.Mark, err error) {
	rows, err := l.reader.QueryContext(ctx, readMarks, int64(after), limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var m events.Mark
		var raw sql.RawBytes
		if err := rows.Scan(&m.Position, &raw); err != nil {
			return nil, err
		}
		if m.Link, err = linkOf(raw, m.Position); err != nil {
			return nil, err
		}
		marks = append(marks, m)
	}
	return marks, rows.Err()
}
