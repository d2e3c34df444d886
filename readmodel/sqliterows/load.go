package sqliterows

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

// Load implements [readmodel.Store]. Keys of a table whose projection has no checkpoint are
// an error.
func (s *Store) Load(ctx context.Context, at []readmodel.Checkpoint, keys *readmodel.Keys) (*readmodel.Rows, error) {
	of, err := readmodel.GenerationsOf(at, keys.Tables())
	if err != nil {
		return nil, fmt.Errorf("load rows: %w", err)
	}
	rows := keys.Room()
	err = s.read(ctx, func(tx *sql.Tx) error {
		for described, wanted := range keys.All() {
			t, err := s.table(described)
			if err != nil {
				return err
			}
			if err := t.loadRows(ctx, tx, of[t.Name], wanted, rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load rows: %w", err)
	}
	return rows, nil
}

// LoadCampaign implements [readmodel.Snapshots].
func (s *Store) LoadCampaign(ctx context.Context, at []readmodel.Checkpoint, c events.Campaign) (*readmodel.Rows, error) {
	of, err := readmodel.GenerationsOf(at, nil)
	if err != nil {
		return nil, fmt.Errorf("load campaign %q: %w", c, err)
	}
	var tables []*readmodel.Table
	for _, t := range s.tables {
		if _, ok := of[t.Name]; ok {
			tables = append(tables, t.Table)
		}
	}
	rows := readmodel.NewRows(tables...)
	err = s.read(ctx, func(tx *sql.Tx) error {
		for _, t := range s.tables {
			generation, ok := of[t.Name]
			if !ok {
				continue
			}
			scan := t.scanner()
			err := forEach(context.WithoutCancel(ctx), tx.StmtContext(ctx, s.reads[t.loadAll]), func(found *sql.Rows) error {
				row := t.NewRow()
				if err := scan(found, row); err != nil {
					return err
				}
				rows.Put(t.Table, row)
				return nil
			}, int64(generation), string(c))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load campaign %q: %w", c, err)
	}
	return rows, nil
}

// forEach runs a statement and calls scan for each row of its result.
func forEach(ctx context.Context, prepared *sql.Stmt, scan func(*sql.Rows) error, args ...any) error {
	rows, err := prepared.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
