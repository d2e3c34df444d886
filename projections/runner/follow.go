package runner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// follower is one term of office: from acquiring the lease to losing it.
type follower struct {
	*Runner
	lease   readmodel.Lease
	cursors []cursor // of the active generations
	// handovers are what the clerk wants done between two batches.
	handovers chan handover
	faultless bool // the last failure has been forgotten
	// turn is held while new events are folded into what is served: see giveWay.
	turn sync.RWMutex
	// behind says that there were more new events than are folded at once.
	behind atomic.Bool
}

// cursor is a projection and the checkpoint of one of its generations.
type cursor struct {
	projections.Projection
	at     readmodel.Checkpoint
	paused bool
}

// outdated reports whether the rows are of an earlier version of the projection, which
// must not be added to.
func (c *cursor) outdated() bool { return c.at.Version != c.Version }

// cursor returns that of a projection.
func (f *follower) cursor(name string) *cursor {
	i := slices.IndexFunc(f.cursors, func(c cursor) bool { return c.Name() == name })
	return &f.cursors[i]
}

func (f *follower) register(ctx context.Context) error {
	wanted := make([]readmodel.Checkpoint, len(f.cfg.Projections))
	for i, p := range f.cfg.Projections {
		wanted[i] = readmodel.Checkpoint{Projection: p.Name(), Version: p.Version}
	}
	active, err := f.cfg.Rows.Register(ctx, wanted)
	if err != nil {
		return fmt.Errorf("register projections: %w", err)
	}
	totals, err := f.cfg.Log.Totals(ctx)
	if err != nil {
		return fmt.Errorf("read the log's head: %w", err)
	}
	builds, err := f.cfg.Rows.List(ctx)
	if err != nil {
		return err
	}
	f.cursors = make([]cursor, len(active))
	for i, at := range active {
		if at.Position > totals.Head {
			return fmt.Errorf("%w: %s stands at %d, the log ends at %d", ErrAhead, at.Projection, at.Position, totals.Head)
		}
		f.cursors[i] = cursor{Projection: f.cfg.Projections[i], at: at, paused: slices.ContainsFunc(builds, func(b readmodel.GenerationState) bool {
			return b.Paused && b.Projection == at.Projection
		})}
	}
	f.publish()
	return f.renovate(ctx)
}

// renovate has projections rebuilt whose rows are of an earlier version. Until then
// those are served, and are not folded further.
func (f *follower) renovate(ctx context.Context) error {
	var outdated []string
	for i := range f.cursors {
		if c := &f.cursors[i]; c.outdated() {
			outdated = append(outdated, c.Name())
		}
	}
	if len(outdated) == 0 {
		return nil
	}
	slices.Sort(outdated)
	_, err := f.cfg.Rows.Ask(ctx, readmodel.Operation{
		Kind: readmodel.Rebuild, Projections: outdated, Who: f.lease.Owner, Why: "the program has a newer version of the projection",
	})
	return err
}

// follow folds what there is and waits for more, until an error.
func (f *follower) follow(ctx context.Context) (advanced bool, err error) {
	for {
		select {
		case h := <-f.handovers:
			h.takeOver(ctx)
		default:
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
				if err := f.rest(ctx, min(time.Since(start), maxRest)); err != nil {
					return advanced, err
				}
			}
			continue
		}
		// Nobody moved, so all stand at the head.
		f.works(ctx)
		if err := f.wait(ctx); err != nil {
			return advanced, err
		}
	}
}

// rest does nothing for a while but what the clerk wants done.
func (f *follower) rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case h := <-f.handovers:
		h.takeOver(ctx)
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// wait waits until the log has grown, and not longer than the clerk can.
func (f *follower) wait(ctx context.Context) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	grown := make(chan error, 1)
	go func() {
		_, err := f.cfg.Log.Wait(waiting, f.lowest())
		grown <- err
	}()
	var err error
	select {
	case err = <-grown:
	case h := <-f.handovers:
		cancel()
		err = <-grown
		h.takeOver(ctx)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && waiting.Err() == nil:
		return fmt.Errorf("wait for the log: %w", err)
	}
	return nil
}

// works forgets the last failure, now that all work is done.
func (f *follower) works(ctx context.Context) {
	if f.faultless {
		return
	}
	f.faultless = f.cfg.Rows.Fault(ctx, LeaseName, f.lease.Owner, "") == nil // else it is tried again
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
	var byPosition []*cursor
	for i := range f.cursors {
		if c := &f.cursors[i]; !c.paused && !c.outdated() {
			byPosition = append(byPosition, c)
		}
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

// giveWay lets the folding of new events go first. Whoever else folds calls it between
// two small pieces of work, so that no commit of new events waits longer than one
// takes. While the live projections are far behind, nobody waits for them.
func (f *follower) giveWay() {
	if f.behind.Load() {
		return
	}
	f.turn.RLock()
	f.turn.RUnlock() //nolint:staticcheck // it was waited for, and that is all
}

// advance folds the next stretch of the log into the cohort's rows, which are served,
// and returns how many events it held.
func (f *follower) advance(ctx context.Context, c cohort) (int, error) {
	f.turn.Lock()
	defer f.turn.Unlock()
	done, err := f.fold(ctx, c, f.cfg.Batch, f.cfg.Rows.Commit)
	f.behind.Store(done.events == f.cfg.Batch)
	if err != nil || done.events == 0 {
		return 0, err
	}
	f.cfg.Committed(changeOf(done.revision, done.advances, done.rows))
	return done.events, nil
}

// folded is a stretch of the log that was folded and committed.
type folded struct {
	events   int
	revision readmodel.Revision
	advances []readmodel.Advance
	rows     *readmodel.Rows
}

// commit is how rows are written: [readmodel.Writer.Commit] or what may replace it.
type commit func(context.Context, readmodel.Lease, []readmodel.Advance, *readmodel.Rows) (readmodel.Revision, error)

// fold folds the next stretch of the log, of at most limit events, into the cohort's
// rows and commits them.
func (f *follower) fold(ctx context.Context, c cohort, limit int, commit commit) (folded, error) {
	if c.through > 0 {
		limit = min(limit, int(c.through-c.from))
	}
	batch, err := f.cfg.Log.Read(ctx, c.from, limit)
	if err != nil || len(batch) == 0 {
		return folded{}, err
	}
	to := c.from + events.Position(len(batch))
	// I2, asserted where it matters: a fold over a gap would be wrong for good.
	if batch[0].Position != c.from+1 || batch[len(batch)-1].Position != to {
		return folded{}, fmt.Errorf("%w: asked for %d to %d, got %d to %d", events.ErrGap,
			c.from+1, to, batch[0].Position, batch[len(batch)-1].Position)
	}

	at := make([]readmodel.Checkpoint, len(c.members))
	advances := make([]readmodel.Advance, len(c.members))
	tables := make([]*readmodel.Table, len(c.members))
	for i, m := range c.members {
		tables[i] = m.Table
	}
	keys := readmodel.NewKeys(tables...)
	for i, m := range c.members {
		at[i] = m.at
		advances[i] = readmodel.Advance{Checkpoint: m.at, To: to}
		for _, e := range batch {
			m.Touch(keys, e)
		}
	}
	rows, err := f.cfg.Rows.Load(ctx, at, keys)
	if err != nil {
		return folded{}, fmt.Errorf("load rows: %w", err)
	}
	for _, m := range c.members {
		for _, e := range batch {
			m.Fold(rows, e)
		}
	}
	revision, err := commit(ctx, f.lease, advances, rows)
	if err != nil {
		return folded{}, fmt.Errorf("commit rows: %w", err)
	}
	for _, m := range c.members {
		m.at.Position = to
	}
	return folded{len(batch), revision, advances, rows}, nil
}

// changeOf returns what a commit that made the revision has changed. While the
// lease is held nobody else moves a checkpoint.
func changeOf(to readmodel.Revision, advances []readmodel.Advance, rows *readmodel.Rows) readmodel.Change {
	from := to
	for _, a := range advances {
		from.Position -= a.To - a.Position
	}
	return readmodel.Change{From: from, To: to, Campaigns: slices.Collect(maps.Keys(rows.Subjects()))}
}

// lowest returns the position of the live cursor that is farthest behind; where none is
// live, one that the log does not reach.
func (f *follower) lowest() events.Position {
	if all := f.cohorts(); len(all) > 0 {
		return all[len(all)-1].from
	}
	return math.MaxInt64
}

// active returns the position of the active generation of the projection, as last
// published: also the clerk may ask.
func (f *follower) active(name string) events.Position {
	for _, c := range f.Status().Checkpoints {
		if c.Projection == name {
			return c.Position
		}
	}
	return 0
}

func (f *follower) publish() {
	at := make([]readmodel.Checkpoint, len(f.cursors))
	for i, c := range f.cursors {
		at[i] = c.at
	}
	f.note(func(s *Status) { s.Leading, s.Checkpoints, s.LastError = true, at, nil })
}
