package pglog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
)

const readMark = `
SELECT position, link FROM jangbu_log.links WHERE position <= $1 ORDER BY position DESC LIMIT 1`

const readMarks = `
SELECT position, link FROM jangbu_log.links WHERE position > $1 ORDER BY position LIMIT $2`

const readDigests = `
SELECT digest FROM jangbu_log.events WHERE position > $1 AND position <= $2 ORDER BY position`

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

func (l chain) link(ctx context.Context, at events.Position) (events.Link, bool, error) {
	head, err := l.head(ctx)
	if err != nil || at > head {
		return events.Link{}, false, err
	}
	var m events.Mark
	var raw []byte
	err = l.pool.QueryRow(ctx, readMark, at).Scan(&m.Position, &raw)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return events.Link{}, false, err
	}
	if m.Link, err = linkOf(raw, m.Position); err != nil || m.Position == at {
		return m.Link, err == nil, err
	}
	rows, err := l.pool.Query(ctx, readDigests, m.Position, at)
	if err != nil {
		return events.Link{}, false, err
	}
	if _, err := pgx.ForEachRow(rows, []any{&raw}, func() error {
		if len(raw) != len(events.Digest{}) {
			return fmt.Errorf("%w: position %d: digest has %d bytes", events.ErrCorrupt, m.Position+1, len(raw))
		}
		m = m.Next(events.Digest(raw))
		return nil
	}); err != nil {
		return events.Link{}, false, err
	}
	if m.Position != at {
		return events.Link{}, false, fmt.Errorf("%w: %d events up to it", events.ErrGap, m.Position)
	}
	return m.Link, true, nil
}

// Marks implements [events.Chain].
func (l chain) Marks(ctx context.Context, after events.Position, limit int) ([]events.Mark, error) {
	rows, err := l.pool.Query(ctx, readMarks, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	marks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m events.Mark, err error) {
		var raw []byte
		if err := row.Scan(&m.Position, &raw); err != nil {
			return m, err
		}
		m.Link, err = linkOf(raw, m.Position)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	return marks, nil
}
