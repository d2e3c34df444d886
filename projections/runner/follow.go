package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// follower is one term of office: from acquiring the lease to losing it.
type follower struct {
	*Runner
	lease   readmodel.Lease
	renewed time.Time
	cursors []cursor
}

// cursor is a projection and its checkpoint.
type cursor struct {
	projections.Projection
	at readmodel.Checkpoint
}

func (f *follower) register(ctx context.Context) error {
	wanted := make([]readmodel.Checkpoint, len(f.cfg.Projections))
	for i, p := range f.cfg.Projections {
		wanted[i] = readmodel.Checkpoint{Projection: p.Name, Version: p.Version}
	}
	active, err := f.cfg.Rows.Register(ctx, wanted)
	if err != nil {
		return fmt.Errorf("register projections: %w", err)
	}
	totals, err := f.cfg.Log.Totals(ctx)
	if err != nil {
		return fmt.Errorf("read the log's head: %w", err)
	}
	f.cursors = make([]cursor, len(active))
	for i, at := range active {
		if at.Position > totals.Head {
			return fmt.Errorf("%w: %s stands at %d, the log ends at %d", ErrAhead, at.Projection, at.Position, totals.Head)
		}
		f.cursors[i] = cursor{f.cfg.Projections[i], at}
	}
	f.publish()
	return nil
}

// follow folds what there is and waits for more, until an error.
func (f *follower) follow(ctx context.Context) (advanced bool, err error) {
	for {
		if err := f.renew(ctx); err != nil {
			return advanced, err
		}
		most, start := 0, time.Now()
		for _, cohort := range f.cohorts() {
			n, err := f.advance(ctx, cohort)
			if err != nil {
				return advanced, err
			}
			most = max(most, n)
		}
		if most > 0 {
			advanced = true
			f.publish()
			if most < f.cfg.Batch {
				// At the head a short stretch is followed by another. Resting
				// for as long as it took lets more come together, so that under
				// load hot rows are written less often and the log gets the
				// database's time.
				if err := sleep(ctx, min(time.Since(start), maxRest)); err != nil {
					return advanced, err
				}
			}
			continue
		}
		// Nobody moved, so all stand at the head: wait, but not beyond the
		// next renewal.
		wait, cancel := context.WithTimeout(ctx, f.cfg.LeaseTTL/3)
		_, err := f.cfg.Log.Wait(wait, f.lowest())
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return advanced, fmt.Errorf("wait for the log: %w", err)
		}
		if ctx.Err() != nil {
			return advanced, ctx.Err()
		}
	}
}

// renew keeps the lease for another term once a third of it is over.
func (f *follower) renew(ctx context.Context) error {
	if time.Since(f.renewed) < f.cfg.LeaseTTL/3 {
		return nil
	}
	lease, ok, err := f.cfg.Leases.Acquire(ctx, f.lease.Name, f.lease.Owner, f.cfg.LeaseTTL)
	if err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	if !ok || lease.Epoch != f.lease.Epoch {
		return fmt.Errorf("renew lease: %w", readmodel.ErrFenced)
	}
	f.renewed = time.Now()
	return nil
}

// cohort is the cursors that stand at one position, and how far they may go
// before they meet the next ones.
type cohort struct {
	from    events.Position
	through events.Position // 0: as far as the log goes
	members []*cursor
}

// cohorts groups the cursors by position, those in front first: a projection
// that catches up must not hold up the live ones by more than one batch.
func (f *follower) cohorts() []cohort {
	var all []cohort
	byPosition := make([]*cursor, len(f.cursors))
	for i := range f.cursors {
		byPosition[i] = &f.cursors[i]
	}
	slices.SortStableFunc(byPosition, func(a, b *cursor) int { return cmp.Compare(b.at.Position, a.at.Position) })
	for _, c := range byPosition {
		last := len(all) - 1
		switch {
		case last < 0:
			all = append(all, cohort{from: c.at.Position, members: []*cursor{c}})
		case all[last].from == c.at.Position:
			all[last].members = append(all[last].members, c)
		default:
			all = append(all, cohort{from: c.at.Position, through: all[last].from, members: []*cursor{c}})
		}
	}
	return all
}

// advance folds the next stretch of the log into the cohort's rows and returns
// how many events it held.
func (f *follower) advance(ctx context.Context, c cohort) (int, error) {
	limit := f.cfg.Batch
	if c.through > 0 {
		limit = min(limit, int(c.through-c.from))
	}
	batch, err := f.cfg.Log.Read(ctx, c.from, limit)
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	to := c.from + events.Position(len(batch))
	// I2, asserted where it matters: a fold over a gap would be wrong for good.
	if batch[0].Position != c.from+1 || batch[len(batch)-1].Position != to {
		return 0, fmt.Errorf("%w: asked for %d to %d, got %d to %d", events.ErrGap,
			c.from+1, to, batch[0].Position, batch[len(batch)-1].Position)
	}

	at := make([]readmodel.Checkpoint, len(c.members))
	advances := make([]readmodel.Advance, len(c.members))
	keys := readmodel.NewKeys()
	for i, m := range c.members {
		at[i] = m.at
		advances[i] = readmodel.Advance{Checkpoint: m.at, To: to}
		for _, e := range batch {
			m.Touch(keys, e)
		}
	}
	rows, err := f.cfg.Rows.Load(ctx, at, keys)
	if err != nil {
		return 0, fmt.Errorf("load rows: %w", err)
	}
	for _, m := range c.members {
		for _, e := range batch {
			m.Fold(rows, e)
		}
	}
	revision, err := f.cfg.Rows.Commit(ctx, f.lease, advances, rows)
	if err != nil {
		return 0, fmt.Errorf("commit rows: %w", err)
	}
	for _, m := range c.members {
		m.at.Position = to
	}
	f.cfg.Committed(changeOf(revision, advances, rows))
	return len(batch), nil
}

// changeOf returns what a commit that made the revision has changed. While the
// lease is held nobody else moves a checkpoint.
func changeOf(to readmodel.Revision, advances []readmodel.Advance, rows *readmodel.Rows) readmodel.Change {
	from := to
	for _, a := range advances {
		from.Position -= a.To - a.Position
	}
	campaigns := make(map[events.Campaign]struct{}, len(rows.Events))
	for c := range rows.Events {
		campaigns[c] = struct{}{}
	}
	for k := range rows.Channels {
		campaigns[k.Campaign] = struct{}{}
	}
	for k := range rows.Hours {
		campaigns[k.Campaign] = struct{}{}
	}
	for k := range rows.Profiles {
		campaigns[k.Campaign] = struct{}{}
	}
	return readmodel.Change{From: from, To: to, Campaigns: slices.Collect(maps.Keys(campaigns))}
}

// lowest returns the position of the cursor that is farthest behind.
func (f *follower) lowest() events.Position {
	low := f.cursors[0].at.Position
	for _, c := range f.cursors[1:] {
		low = min(low, c.at.Position)
	}
	return low
}

func (f *follower) publish() {
	at := make([]readmodel.Checkpoint, len(f.cursors))
	for i, c := range f.cursors {
		at[i] = c.at
	}
	f.note(func(s *Status) { s.Leading, s.Checkpoints, s.LastError = true, at, nil })
}
