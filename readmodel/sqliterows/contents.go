package sqliterows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"jangbu/events/sqlite"
	"jangbu/readmodel"
)

// Texts implements [readmodel.Contents].
func (s *Store) Texts(ctx context.Context, each func(table, column, text string) error) error {
	err := s.read(ctx, func(tx *sql.Tx) error {
		for _, t := range s.tables {
			found := make(readmodel.Texts)
			err := eachSnapshot(ctx, tx, t, func(k readmodel.Snapshot) error { return found.Find(k, t.Table, each) })
			if err != nil {
				return err
			}
			for _, c := range t.Columns {
				if !c.HasTexts() {
					continue
				}
				err := t.eachText(ctx, tx, c.Name, func(stored string) error {
					return c.EachText(stored, func(text string) error {
						if found.Has(c.Name, text) {
							return nil
						}
						return each(t.Name, c.Name, text)
					})
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read texts: %w", err)
	}
	return nil
}

func (t *table) eachText(ctx context.Context, tx *sql.Tx, column string, each func(text string) error) (err error) {
	rows, err := tx.QueryContext(ctx, fmt.Sprintf(`SELECT DISTINCT %s FROM %s`, column, t.Name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			return err
		}
		if err := each(text.String); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Compact implements [readmodel.Contents].
func (s *Store) Compact(ctx context.Context) error {
	if err := sqlite.Compact(ctx, s.writer); err != nil {
		return fmt.Errorf("compact the rows: %w", err)
	}
	return nil
}
