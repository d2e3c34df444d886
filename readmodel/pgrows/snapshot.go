package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	readCheckpoints = `
SELECT g.projection, g.version, g.generation, g.position, g.link
FROM jangbu_rows.projections AS p
JOIN jangbu_rows.generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
ORDER BY g.projection`

	readCampaigns = `
SELECT campaign
FROM ({tables}) AS found
ORDER BY campaign
LIMIT $2`
)

// Snapshot implements [readmodel.Proofs], in one round trip where the campaign has rows.
func (s *Store) Snapshot(ctx context.Context, c events.Campaign) (readmodel.CampaignRows, []readmodel.Checkpoint, error) {
	var (
		out         readmodel.CampaignRows
		checkpoints []readmodel.Checkpoint
	)
	err := s.served(ctx, func() bool { return !out.Empty() }, func(batch *pgx.Batch) {
		out = readmodel.NewCampaignRows()
		batch.Queue(readRevision).QueryRow(func(row pgx.Row) error { return row.Scan(revisionFields(&out.Revision)...) })
		batch.Queue(readCheckpoints).Query(func(rows pgx.Rows) (err error) {
			checkpoints, err = pgx.CollectRows(rows, scanCheckpoint)
			return err
		})
		s.queueCampaign(batch, c, readmodel.Everything(), &out)
	})
	if err != nil {
		return readmodel.CampaignRows{}, nil, fmt.Errorf("read snapshot of campaign %q: %w", c, err)
	}
	if out.Empty() {
		return readmodel.CampaignRows{}, checkpoints, fmt.Errorf("read snapshot of campaign %q: %w", c, readmodel.ErrNotFound)
	}
	return out, checkpoints, nil
}

// Snapshots implements [readmodel.Proofs], in one round trip where one of them has rows.
func (s *Store) Snapshots(ctx context.Context, after events.Campaign, of []events.Campaign) (*readmodel.Served, []readmodel.Checkpoint, error) {
	var (
		out         *readmodel.Served
		checkpoints []readmodel.Checkpoint
		tables      = make([]*readmodel.Table, len(s.tables))
	)
	for i, t := range s.tables {
		tables[i] = t.Table
	}
	err := s.served(ctx, func() bool { return out.Len() > 0 }, func(batch *pgx.Batch) {
		out = readmodel.NewServed(after, of, tables...)
		batch.Queue(readCheckpoints).Query(func(rows pgx.Rows) (err error) {
			checkpoints, err = pgx.CollectRows(rows, scanCheckpoint)
			return err
		})
		for i, t := range s.tables {
			query, from := t.readFrom, out.First
			if after != "" {
				query, from = t.readAfter, after
			}
			batch.Queue(query, from, out.Last).Query(t.scanEach(out.Tables[i].NewRow, out.Tables[i].Add))
		}
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read snapshot of %d campaigns: %w", len(of), err)
	}
	return out, checkpoints, nil
}

// Campaigns implements [readmodel.Proofs].
func (s *Store) Campaigns(ctx context.Context, after events.Campaign, limit int) ([]events.Campaign, error) {
	rows, _ := s.pool.Query(ctx, s.queries.campaigns, string(after), limit) // its error is that of the rows
	campaigns, err := pgx.AppendRows([]events.Campaign(nil), rows, pgx.RowTo[events.Campaign])
	if err != nil {
		return nil, fmt.Errorf("read campaigns after %q: %w", after, err)
	}
	return campaigns, nil
}

// scanCheckpoint reads a row of readCheckpoints.
func scanCheckpoint(row pgx.CollectableRow) (at readmodel.Checkpoint, err error) {
	err = row.Scan(checkpointFields(&at)...)
	return at, err
}
