package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

// Load implements [readmodel.Store], in one round trip. Keys of a table whose projection has
// no checkpoint are an error.
func (s *Store) Load(ctx context.Context, at []readmodel.Checkpoint, keys *readmodel.Keys) (*readmodel.Rows, error) {
	of, err := readmodel.GenerationsOf(at, keys.Tables())
	if err != nil {
		return nil, fmt.Errorf("load rows: %w", err)
	}
	rows, batch := keys.Room(), new(pgx.Batch)
	for described, wanted := range keys.All() {
		t, err := s.table(described)
		if err != nil {
			return nil, fmt.Errorf("load rows: %w", err)
		}
		t.queueLoad(batch, of[t.Name], wanted, rows)
	}
	if batch.Len() == 0 {
		return rows, nil
	}
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("load rows: %w", err)
	}
	return rows, nil
}

// LoadCampaign implements [readmodel.Snapshots], in one round trip.
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
	rows, batch := readmodel.NewRows(tables...), new(pgx.Batch)
	for _, t := range s.tables {
		if generation, ok := of[t.Name]; ok {
			batch.Queue(t.loadAll, int32(generation), string(c)).Query(t.scanEach(t.NewRow, func(row any) { rows.Put(t.Table, row) }))
		}
	}
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("load campaign %q: %w", c, err)
	}
	return rows, nil
}
