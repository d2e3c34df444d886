package runner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"jangbu/events"
	"jangbu/projections"
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

// advance folds the next stretch of the log into the group's rows, which are served, and writes
// it before it returns.
func (l *leader) advance(ctx context.Context, g group) (*stretch, error) {
	l.folding.Lock()
	defer l.folding.Unlock()
	done := newStretch(g.members)
	if err := l.fold(ctx, done, g.limit(l.cfg.Batch), l.hot.load, l.commit); err != nil {
		l.hot.drop() // the fold may have changed what was not committed
		return nil, err
	}
	l.behind.Store(done.events == l.cfg.Batch)
	if done.events > 0 {
		l.committed(done)
	}
	return done, nil
}

// committed keeps and announces a stretch of what is served that was written.
func (l *leader) committed(done *stretch) {
	l.hot.keep(done.rows)
	l.cfg.Committed(changeOf(done.revision, done.advances(), done.rows))
}

// limit returns how many events the group may take at once.
func (g *group) limit(most int) int {
	if g.through > 0 {
		return min(most, int(g.through-g.from))
	}
	return most
}

// stretch is consecutive events of the log, folded for cursors that stand at one position.
type stretch struct {
	members []*cursor
	at      []readmodel.Checkpoint // of the members, where the stretch begins
	to      events.Position        // where it ends
	link    events.Link            // of the log's chain there
	events  int
	appends int             // to the log that these events came in
	rows    *readmodel.Rows // that they changed; nil where there are no events
	// onto are rows that the store may not have yet: of the stretch before, which is being written.
	// They are not changed.
	onto *readmodel.Rows
	// removes says that events were withdrawn: rows that are in memory and stored are removed when
	// it is written, and nothing is folded onto it before.
	removes  bool
	revision readmodel.Revision // once it is written
}

// newStretch returns an empty stretch that begins where the cursors stand.
func newStretch(members []*cursor) *stretch {
	at := make([]readmodel.Checkpoint, len(members))
	for i, m := range members {
		at[i] = m.at
	}
	return stretchFrom(members, at)
}

func stretchFrom(members []*cursor, at []readmodel.Checkpoint) *stretch {
	return &stretch{members: members, at: at, to: at[0].Position, link: at[0].Link}
}

// after returns an empty stretch that begins where s ends.
func (s *stretch) after() *stretch {
	at := make([]readmodel.Checkpoint, len(s.at))
	for i, a := range s.advances() {
		at[i] = a.Moved()
	}
	return stretchFrom(s.members, at)
}

func (s *stretch) projections() []projections.Projection {
	ps := make([]projections.Projection, len(s.members))
	for i, m := range s.members {
		ps[i] = m.Projection
	}
	return ps
}

func (s *stretch) advances() []readmodel.Advance {
	all := make([]readmodel.Advance, len(s.at))
	for i, at := range s.at {
		all[i] = readmodel.Advance{Checkpoint: at, To: s.to, Link: s.link}
	}
	return all
}

// loadRows is how rows are loaded. It may take keys.
type loadRows func(context.Context, []readmodel.Checkpoint, *readmodel.Keys) (*readmodel.Rows, error)

// writeRows is how rows and checkpoints are written.
type writeRows func(context.Context, []readmodel.Advance, *readmodel.Rows) (readmodel.Revision, error)

// fold folds the next events of the log, at most limit, into an empty stretch, writes it, and
// moves its members. It writes nothing where there are no more events.
func (l *leader) fold(ctx context.Context, s *stretch, limit int, load loadRows, write writeRows) error {
	batch, err := l.read(ctx, s.to, limit)
	if err != nil || len(batch) == 0 {
		return err
	}
	if err := l.extend(ctx, s, batch, load); err != nil {
		return err
	}
	if s.revision, err = write(ctx, s.advances(), s.rows); err != nil {
		return err
	}
	s.move()
	return nil
}

// move moves the members to the end of the stretch, which is written.
func (s *stretch) move() {
	for i, a := range s.advances() {
		s.members[i].at = a.Moved()
	}
}

// read returns the next events of the log after a position, at most limit.
func (l *leader) read(ctx context.Context, after events.Position, limit int) ([]events.Recorded, error) {
	batch, err := l.cfg.Log.Read(ctx, after, limit)
	if err != nil || len(batch) == 0 {
		return nil, err
	}
	to := after + events.Position(len(batch))
	// I2, asserted where it matters: a fold over a gap would be wrong for good.
	if batch[0].Position != after+1 || batch[len(batch)-1].Position != to {
		return nil, fmt.Errorf("%w: asked for %d to %d, got %d to %d", events.ErrGap,
			after+1, to, batch[0].Position, batch[len(batch)-1].Position)
	}
	return batch, nil
}

// extend folds the events after the end of a stretch onto its rows, and onto those that load
// returns for the others.
func (l *leader) extend(ctx context.Context, s *stretch, batch []events.Recorded, load loadRows) error {
	facts, anew := split(batch)
	tables := make([]*readmodel.Table, len(s.members))
	for i, m := range s.members {
		tables[i] = m.Table
	}
	keys := readmodel.NewKeys(tables...)
	for i, m := range s.members {
		if s.at[i].Link != s.at[0].Link {
			return fmt.Errorf("%s and %s at position %d have two histories: %w", m.Name(), s.members[0].Name(), s.at[i].Position, readmodel.ErrFenced)
		}
	}
	for i := range facts { // all that is of one campaign, one after another
		for _, m := range s.members {
			m.Touch(keys, &facts[i])
		}
	}
	if s.events > 0 {
		keys.Take(s.rows, nil)
	}
	rows, err := load(ctx, s.at, keys)
	if err != nil {
		return err
	}
	if s.events > 0 {
		s.rows.Add(rows)
	} else {
		s.rows = rows
	}
	due, err := l.loadDue(ctx, s, facts)
	if err != nil {
		return err
	}
	for i := range facts {
		for _, m := range s.members {
			m.Fold(s.rows, &facts[i])
		}
		if len(due) > 0 {
			l.keep(s, due, &facts[i])
		}
	}
	to := batch[len(batch)-1].Position
	if len(anew) > 0 {
		if err := l.refold(ctx, s, anew, to); err != nil {
			return err
		}
	}
	for i := range batch {
		s.link = s.link.Next(batch[i].Digest)
	}
	s.to, s.events, s.appends = to, s.events+len(batch), s.appends+appendsOf(batch)
	return nil
}

// refold puts campaigns, folded anew up to a position, in the place of their rows.
func (l *leader) refold(ctx context.Context, s *stretch, anew []events.Campaign, to events.Position) (err error) {
	s.removes = true
	ps := s.projections()
	of := make(map[events.Campaign]*readmodel.Rows, len(anew))
	for _, c := range anew {
		if of[c], err = l.kept.Campaign(ctx, l.cfg.Log, ps, c, 0, to); err != nil {
			return err
		}
	}
	s.rows.Replace(of)
	return nil
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
