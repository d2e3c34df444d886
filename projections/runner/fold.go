package runner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

// cursor is a projection and the checkpoint of one of its generations.
type cursor struct {
	projections.Projection
	at     readmodel.Checkpoint
	paused bool
}

// outdated reports whether the rows are of an earlier version of the projection, which
// must not be added to.
func (c *cursor) outdated() bool { return c.at.Version != c.Version }

// group is the cursors that stand at one position, and how far they may go before they
// meet the next ones.
type group struct {
	from    events.Position
	through events.Position // 0: as far as the log goes
	members []*cursor
}

// groups returns the live cursors by position, those in front first: a projection that
// catches up must not hold up the others by more than one batch.
func (l *leader) groups() []group {
	var all []group
	var byPosition []*cursor
	for i := range l.cursors {
		if c := &l.cursors[i]; !c.paused && !c.outdated() {
			byPosition = append(byPosition, c)
		}
	}
	slices.SortStableFunc(byPosition, func(a, b *cursor) int { return cmp.Compare(b.at.Position, a.at.Position) })
	for _, c := range byPosition {
		last := len(all) - 1
		switch {
		case last < 0:
			all = append(all, group{from: c.at.Position, members: []*cursor{c}})
		case all[last].from == c.at.Position:
			all[last].members = append(all[last].members, c)
		default:
			all = append(all, group{from: c.at.Position, through: all[last].from, members: []*cursor{c}})
		}
	}
	return all
}

// waitForFolding lets the folding of new events go first. The worker calls it between two
// small pieces of work, so that no commit of new events waits longer than one takes. While
// the live projections are far behind, it returns at once.
func (l *leader) waitForFolding() {
	if l.behind.Load() {
		return
	}
	l.folding.RLock()
	l.folding.RUnlock() //nolint:staticcheck // it was waited for, and that is all
}

// advance folds the next stretch of the log into the group's rows, which are served, and
// returns it.
func (l *leader) advance(ctx context.Context, g group) (folded, error) {
	l.folding.Lock()
	defer l.folding.Unlock()
	done, err := l.fold(ctx, g, l.cfg.Batch, l.hot.load, l.commit)
	l.behind.Store(done.events == l.cfg.Batch)
	if err != nil {
		l.hot.drop() // the fold may have changed what was not committed
		return folded{}, err
	}
	if done.events == 0 {
		return done, nil
	}
	l.hot.keep(done.rows)
	l.cfg.Committed(changeOf(done.revision, done.advances, done.rows))
	return done, nil
}

// folded is a stretch of the log that was folded and written.
type folded struct {
	events   int
	appends  int // to the log that these events came in
	revision readmodel.Revision
	advances []readmodel.Advance
	rows     *readmodel.Rows
}

// loadRows is how rows are loaded.
type loadRows func(context.Context, []readmodel.Checkpoint, *readmodel.Keys) (*readmodel.Rows, error)

// writeRows is how rows and checkpoints are written.
type writeRows func(context.Context, []readmodel.Advance, *readmodel.Rows) (readmodel.Revision, error)

// fold folds the next stretch of the log, of at most limit events, into the group's rows
// and writes them.
func (l *leader) fold(ctx context.Context, g group, limit int, load loadRows, write writeRows) (folded, error) {
	if g.through > 0 {
		limit = min(limit, int(g.through-g.from))
	}
	batch, err := l.cfg.Log.Read(ctx, g.from, limit)
	if err != nil || len(batch) == 0 {
		return folded{}, err
	}
	to := g.from + events.Position(len(batch))
	// I2, asserted where it matters: a fold over a gap would be wrong for good.
	if batch[0].Position != g.from+1 || batch[len(batch)-1].Position != to {
		return folded{}, fmt.Errorf("%w: asked for %d to %d, got %d to %d", events.ErrGap,
			g.from+1, to, batch[0].Position, batch[len(batch)-1].Position)
	}

	facts, anew := split(batch)
	link := g.members[0].at.Link
	for _, e := range batch {
		link = link.Next(e.Digest)
	}
	at := make([]readmodel.Checkpoint, len(g.members))
	advances := make([]readmodel.Advance, len(g.members))
	tables := make([]*readmodel.Table, len(g.members))
	for i, m := range g.members {
		tables[i] = m.Table
	}
	keys := readmodel.NewKeys(tables...)
	for i, m := range g.members {
		if m.at.Link != g.members[0].at.Link {
			return folded{}, fmt.Errorf("%s and %s at position %d have two histories: %w", m.Name(), g.members[0].Name(), g.from, readmodel.ErrFenced)
		}
		at[i] = m.at
		advances[i] = readmodel.Advance{Checkpoint: m.at, To: to, Link: link}
		for _, e := range facts {
			m.Touch(keys, e)
		}
	}
	rows, err := load(ctx, at, keys)
	if err != nil {
		return folded{}, err
	}
	for _, m := range g.members {
		for _, e := range facts {
			m.Fold(rows, e)
		}
	}
	if len(anew) > 0 {
		ps := make([]projections.Projection, len(g.members))
		for i, m := range g.members {
			ps[i] = m.Projection
		}
		of := make(map[events.Campaign]*readmodel.Rows, len(anew))
		for _, c := range anew {
			if of[c], err = replay.Campaign(ctx, l.cfg.Log, ps, c, 0, to); err != nil {
				return folded{}, err
			}
		}
		rows.Replace(of)
	}
	revision, err := write(ctx, advances, rows)
	if err != nil {
		return folded{}, err
	}
	for i, m := range g.members {
		m.at = advances[i].Moved()
	}
	return folded{len(batch), appendsOf(batch), revision, advances, rows}, nil
}

// split returns the campaigns of which the batch withdraws events, which must be folded anew,
// and the events of all others.
func split(batch []events.Recorded) (facts []events.Recorded, anew []events.Campaign) {
	withdrawn := make(map[events.Campaign]bool)
	for i := range batch {
		if batch[i].Event.Type() == events.TypeEventsWithdrawn {
			withdrawn[batch[i].Event.Subject()] = true
		}
	}
	if len(withdrawn) == 0 {
		return batch, nil
	}
	facts = slices.DeleteFunc(slices.Clone(batch), func(e events.Recorded) bool { return withdrawn[e.Event.Subject()] })
	return facts, slices.Sorted(maps.Keys(withdrawn))
}

// changeOf returns what a commit that made the revision has changed. While the lease is
// held no other process moves a checkpoint.
func changeOf(to readmodel.Revision, advances []readmodel.Advance, rows *readmodel.Rows) readmodel.Change {
	from := to
	for _, a := range advances {
		from.Position -= a.To - a.Position
	}
	return readmodel.Change{From: from, To: to, Campaigns: slices.Collect(maps.Keys(rows.Subjects()))}
}
