package analyse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/projections/runner"
	"jangbu/readmodel"
	"jangbu/readmodel/sqliterows"
)

// assumeIn puts what is assumed into what was replayed of the shop, or of all, and returns the link
// under which its rows may be stored: none that a log has, where they rest on assumptions.
func (c *ReplayCommand) assumeIn(got replay.Result, set *assumed) (events.Link, error) {
	if set.Empty() {
		return got.Link, nil
	}
	for _, campaign := range got.Rows.Campaigns() {
		if c.Shop != "" && campaign.Shop != c.Shop {
			continue
		}
		if _, err := set.Apply(campaign); err != nil {
			return events.Link{}, fmt.Errorf("%w: --set: %w", cli.ErrUsage, err)
		}
	}
	return readmodel.AssumedLink(), nil
}

// storeRows writes what was replayed to a new file of SQLite, whose views are as of its moment.
func storeRows(ctx context.Context, path string, got replay.Result, link events.Link) (rows *sqliterows.Store, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write rows: %w", err)
		}
	}()
	rows, err = sqliterows.Open(ctx, path, projections.Tables(projections.All()))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, rows.Close())
		}
	}()
	var wanted []readmodel.Checkpoint
	for _, p := range projections.All() {
		wanted = append(wanted, readmodel.Checkpoint{Projection: p.Name(), Version: p.Version})
	}
	at, err := rows.Register(ctx, wanted)
	if err != nil {
		return nil, err
	}
	lease, _, err := rows.Acquire(ctx, runner.LeaseName, "replay", time.Minute) // no other process knows the file
	if err != nil {
		return nil, err
	}
	var advances []readmodel.Advance
	for _, checkpoint := range at {
		advances = append(advances, readmodel.Advance{Checkpoint: checkpoint, To: got.Through, Link: link})
	}
	if _, err := rows.Commit(ctx, lease, advances, got.Rows); err != nil {
		return nil, err
	}
	if err := rows.Release(ctx, lease); err != nil {
		return nil, err
	}
	return rows, rows.SetMoment(ctx, got.Moment)
}
