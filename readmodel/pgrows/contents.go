package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/readmodel"
)

const readTexts = `
SELECT DISTINCT %s::text
FROM jangbu_rows.%s`

// Texts implements [readmodel.Contents].
func (s *Store) Texts(ctx context.Context, each func(table, column, text string) error) error {
	for _, t := range s.tables {
		found := make(readmodel.Texts)
		err := s.eachSnapshot(ctx, t, func(k readmodel.Snapshot) error { return found.Find(k, t.Table, each) })
		if err != nil {
			return fmt.Errorf("read texts of snapshots: %w", err)
		}
		for _, c := range t.Columns {
			if !c.HasTexts() {
				continue
			}
			rows, _ := s.pool.Query(ctx, fmt.Sprintf(readTexts, c.Name, t.Name)) // its error is that of the rows
			var text *string
			_, err := pgx.ForEachRow(rows, []any{&text}, func() error {
				if text == nil {
					return nil
				}
				return c.EachText(*text, func(text string) error {
					if found.Has(c.Name, text) {
						return nil
					}
					return each(t.Name, c.Name, text)
				})
			})
			if err != nil {
				return fmt.Errorf("read texts: %w", err)
			}
		}
	}
	return nil
}

// Compact implements [readmodel.Contents]. Nothing reads or commits rows of a table while
// PostgreSQL writes it anew. The write-ahead log and backups keep what was there until they expire.
func (s *Store) Compact(ctx context.Context) error {
	tables := []string{"jangbu_rows.acts", "jangbu_rows.faults", "jangbu_rows.snapshots"}
	for _, t := range s.tables {
		tables = append(tables, "jangbu_rows."+t.Name)
	}
	if err := s.pool.Rewrite(ctx, tables...); err != nil {
		return fmt.Errorf("compact the rows: %w", err)
	}
	return nil
}
