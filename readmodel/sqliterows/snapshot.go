package sqliterows

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	readCheckpoints = `
SELECT g.projection, g.version, g.generation, g.position, g.link
FROM projections AS p
JOIN generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
ORDER BY g.projection`

	// SQLite merges the tables, each in the order of its key, and reads them no further
	// than the limit.
	readCampaigns = `{tables}
ORDER BY campaign
LIMIT ?2`
)

// Snapshot implements [readmodel.Proofs].
func (s *Store) Snapshot(ctx context.Context, c events.Campaign) (readmodel.CampaignRows, []readmodel.Checkpoint, error) {
	var (
		out         = readmodel.NewCampaignRows()
		checkpoints []readmodel.Checkpoint
	)
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		r, uncancelled := campaignReader{s, tx, c, &out}, context.WithoutCancel(ctx)
		if out.Revision, err = queryRevision(uncancelled, r.prepared(ctx, readRevision)); err != nil {
			return err
		}
		if checkpoints, err = s.checkpoints(ctx, tx); err != nil {
			return err
		}
		if err := r.campaign(ctx, readmodel.Everything()); err != nil {
			return err
		}
		if err := r.others(ctx); err != nil || !out.Empty() {
			return err
		}
		return s.checkServed(ctx, tx)
	})
	if err != nil {
		return readmodel.CampaignRows{}, nil, fmt.Errorf("read snapshot of campaign %q: %w", c, err)
	}
	if out.Empty() {
		return readmodel.CampaignRows{}, checkpoints, fmt.Errorf("read snapshot of campaign %q: %w", c, readmodel.ErrNotFound)
	}
	return out, checkpoints, nil
}

// Snapshots implements [readmodel.Proofs].
func (s *Store) Snapshots(ctx context.Context, after events.Campaign, of []events.Campaign) (*readmodel.Served, []readmodel.Checkpoint, error) {
	tables := make([]*readmodel.Table, len(s.tables))
	for i, t := range s.tables {
		tables[i] = t.Table
	}
	out, checkpoints := readmodel.NewServed(after, of, tables...), []readmodel.Checkpoint(nil)
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		if checkpoints, err = s.checkpoints(ctx, tx); err != nil {
			return err
		}
		for i, t := range s.tables {
			query, from, to := t.readFrom, out.First, out.Tables[i]
			if after != "" {
				query, from = t.readAfter, after
			}
			scan := t.scanner()
			err := forEach(context.WithoutCancel(ctx), tx.StmtContext(ctx, s.reads[query]), func(rows *sql.Rows) error {
				row := to.NewRow()
				if err := scan(rows, row); err != nil {
					return err
				}
				to.Add(row)
				return nil
			}, string(from), string(out.Last))
			if err != nil {
				return err
			}
		}
		if out.Len() > 0 {
			return nil
		}
		return s.checkServed(ctx, tx)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read snapshot of %d campaigns: %w", len(of), err)
	}
	return out, checkpoints, nil
}

// checkpoints reads those of the active generations.
func (s *Store) checkpoints(ctx context.Context, tx *sql.Tx) (all []readmodel.Checkpoint, err error) {
	err = forEach(context.WithoutCancel(ctx), tx.StmtContext(ctx, s.reads[readCheckpoints]), func(rows *sql.Rows) error {
		var at readmodel.Checkpoint
		err := rows.Scan(checkpointFields(&at)...)
		all = append(all, at)
		return err
	})
	return all, err
}

// Campaigns implements [readmodel.Proofs].
func (s *Store) Campaigns(ctx context.Context, after events.Campaign, limit int) ([]events.Campaign, error) {
	var out []events.Campaign
	err := forEach(ctx, s.reads[s.queries.campaigns], func(rows *sql.Rows) error {
		var c events.Campaign
		err := rows.Scan((*string)(&c))
		out = append(out, c)
		return err
	}, string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("read campaigns after %q: %w", after, err)
	}
	return out, nil
}
