package runner

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

const (
	// catchUpTime is how long folding a batch into written rows should take.
	catchUpTime = 250 * time.Millisecond
	// firstCatchUp is how many events the first such batch has.
	firstCatchUp = 1_000
	// lastGap is how many events at most should be left to fold in the last step, for
	// which the live projections wait.
	lastGap = 100
)

// rebuild folds the log anew, in memory up to a bound, writes the rows as another
// generation, has it catch up with the active one, and puts it in that one's place (I7).
func (l *leader) rebuild(ctx context.Context, op *readmodel.Operation, ps []projections.Projection) error {
	if err := l.cfg.Rows.Prune(ctx, l.lease, l.waitForFolding); err != nil { // of a build that was killed
		return err
	}
	through, err := l.buildThrough(ctx, ps)
	if err != nil {
		return err
	}
	wanted := make([]readmodel.Checkpoint, len(ps))
	for i, p := range ps {
		wanted[i] = readmodel.Checkpoint{Projection: p.Name(), Version: p.Version}
	}
	begun, err := l.cfg.Rows.Begin(ctx, l.lease, wanted)
	if err != nil {
		return err
	}
	if through > 0 {
		if err := l.build(ctx, op, ps, begun, through); err != nil {
			return err
		}
	}
	// A build that is cut short is begun anew, so its rows need not be written at once.
	fill := func(ctx context.Context, advances []readmodel.Advance, rows *readmodel.Rows) (readmodel.Revision, error) {
		return readmodel.Revision{}, l.cfg.Rows.Fill(ctx, l.lease, advances, rows, l.waitForFolding)
	}
	return l.replaceActive(ctx, op, ps, begun, through, fill)
}

// buildThrough returns how far the projections are to be built: to the head, or to where
// one of them was paused.
func (l *leader) buildThrough(ctx context.Context, ps []projections.Projection) (events.Position, error) {
	totals, err := l.cfg.Log.Totals(ctx)
	if err != nil {
		return 0, err
	}
	builds, err := l.cfg.Rows.List(ctx)
	if err != nil {
		return 0, err
	}
	through := totals.Head
	for _, b := range builds {
		if b.Paused && b.Version > 0 && slices.ContainsFunc(ps, func(p projections.Projection) bool { return p.Name() == b.Projection }) {
			through = min(through, b.Position)
		}
	}
	return through, nil
}

// build folds the log into the empty generations, up to the position or as far as
// memory allows.
func (l *leader) build(ctx context.Context, op *readmodel.Operation, ps []projections.Projection, begun []readmodel.Checkpoint, through events.Position) error {
	op.To = through
	note := l.progress(ctx, op)
	kept := &keeping{leader: l, ps: ps, at: begun}
	got, err := replay.Run(ctx, replay.Config{
		Log: l.cfg.Log, Projections: ps, Through: through, MaxRows: l.maxRows, Snapshots: l.kept, Keep: kept.keep,
		Progress: func(at, _ events.Position) { op.At = at; note() }, Between: l.waitForFolding,
	})
	if err != nil {
		return err
	}
	if err := kept.write(ctx); err != nil {
		return err
	}
	advances := make([]readmodel.Advance, len(begun))
	for i := range begun {
		advances[i] = readmodel.Advance{Checkpoint: begun[i], To: got.Through, Link: got.Link}
	}
	if err := l.cfg.Rows.Fill(ctx, l.lease, advances, got.Rows, l.waitForFolding); err != nil {
		return err
	}
	for i := range begun {
		begun[i] = advances[i].Moved()
	}
	return nil
}

// rollback serves the generations again that were served before the active ones, once
// they have caught up with them.
func (l *leader) rollback(ctx context.Context, op *readmodel.Operation, ps []projections.Projection) error {
	all, err := l.cfg.Rows.List(ctx)
	if err != nil {
		return err
	}
	standbys := make([]readmodel.Checkpoint, len(ps))
	for i, p := range ps {
		for _, b := range all {
			if b.Standby && b.Projection == p.Name() {
				standbys[i] = b.Checkpoint
			}
		}
		switch {
		case standbys[i].Projection == "":
			return fmt.Errorf("no earlier generation of %s is kept", p.Name())
		case standbys[i].Version != p.Version: // and no [readmodel.ErrVersion], which would end the runner
			return fmt.Errorf("%s: generation %d is of version %d, this program folds version %d: roll back with the program that made it",
				p.Name(), standbys[i].Generation, standbys[i].Version, p.Version)
		}
	}
	if err := l.resetErased(ctx, op); err != nil { // carried out after this operation
		return err
	}
	return l.replaceActive(ctx, op, ps, standbys, 0, l.commit)
}

// resetErased asks for a reset of the campaigns that persons were erased from: standbys were
// folded before, and the log does not say it at a position.
func (l *leader) resetErased(ctx context.Context, op *readmodel.Operation) error {
	all, err := l.cfg.Log.Erasures().List(ctx, "")
	if err != nil {
		return err
	}
	asked := make(map[events.Campaign]bool)
	for _, e := range all {
		if len(e.Positions) == 0 || asked[e.Campaign] {
			continue
		}
		asked[e.Campaign] = true
		reset := readmodel.Operation{Kind: readmodel.Reset, Projections: op.Projections, Campaign: e.Campaign, Who: op.Who, Why: "its persons were erased after the generation that is served again was built"}
		if _, err := l.cfg.Rows.Ask(ctx, reset); err != nil {
			return err
		}
	}
	return nil
}

// replaceActive has the generations catch up with the active ones, or with a position that
// is beyond these, and then, between two batches, puts them in their place. All but the last
// rows are written by write.
func (l *leader) replaceActive(ctx context.Context, op *readmodel.Operation, ps []projections.Projection, at []readmodel.Checkpoint, least events.Position, write writeRows) error {
	members := make([]*member, len(ps))
	for i, p := range ps {
		members[i] = &member{cursor{Projection: p, at: at[i]}, func() events.Position { return max(l.active(p.Name()), least) }}
	}
	note := l.progress(ctx, op)
	batch := firstCatchUp
	for last := events.Position(math.MaxInt64); ; {
		l.waitForFolding()
		start := time.Now()
		left, err := l.catchUp(ctx, members, batch, write)
		if err != nil {
			return err
		}
		if left <= lastGap || left >= last && batch <= int(left) {
			break // it is near, or does not come nearer
		}
		switch took := time.Since(start); {
		case took < catchUpTime/2:
			batch = min(2*batch, l.cfg.Batch)
		case took > catchUpTime:
			batch = max(batch/2, lastGap)
		}
		last = left
		l.reached(op, members)
		note()
	}
	l.reached(op, members)
	if err := l.cfg.Rows.Note(ctx, l.lease, *op); err != nil {
		return err
	}
	return l.betweenBatches(ctx, func(ctx context.Context) error {
		for left := events.Position(1); left > 0; {
			var err error
			if left, err = l.catchUp(ctx, members, l.cfg.Batch, l.commit); err != nil {
				return err
			}
		}
		return l.serve(ctx, op, members)
	})
}

// member is a generation that is to become the active one, and how far it must be by then.
type member struct {
	cursor
	goal func() events.Position
}

// reached sets in the operation how much of the log is folded, of how much: by the
// generation that is farthest behind the active one of its projection.
func (l *leader) reached(op *readmodel.Operation, members []*member) {
	var left events.Position
	op.To = 0
	for _, m := range members {
		goal := m.goal()
		op.To = max(op.To, goal, m.at.Position)
		left = max(left, goal-m.at.Position)
	}
	op.At = op.To - left
}

// catchUp folds one more stretch of the log, of at most batch events, into those of the
// generations that have the lowest checkpoint. It returns how far one was at most from its
// goal, before.
func (l *leader) catchUp(ctx context.Context, members []*member, batch int, write writeRows) (left events.Position, err error) {
	var g group
	for _, m := range members {
		goal := m.goal()
		switch {
		case goal <= m.at.Position: // or it is beyond
			continue
		case len(g.members) == 0 || m.at.Position < g.from:
			g = group{from: m.at.Position, through: goal, members: []*cursor{&m.cursor}}
		case m.at.Position == g.from:
			g.through, g.members = min(g.through, goal), append(g.members, &m.cursor)
		}
		left = max(left, goal-m.at.Position)
	}
	if left == 0 {
		return 0, nil
	}
	done := newStretch(g.members)
	if err := l.fold(ctx, done, g.limit(batch), l.cfg.Rows.Load, write); err != nil {
		return 0, err
	}
	if done.events == 0 {
		return 0, fmt.Errorf("%w: nothing after position %d, but rows up to %d", events.ErrGap, g.from, g.through)
	}
	return left, nil
}

// serve makes the generations the active ones, if they are of the log's history still.
func (l *leader) serve(ctx context.Context, op *readmodel.Operation, members []*member) error {
	at := make([]readmodel.Checkpoint, len(members))
	for i, m := range members {
		at[i] = m.at
	}
	if err := l.sameHistory(ctx, at); err != nil {
		return err
	}
	revision, err := l.cfg.Rows.Activate(ctx, l.lease, op.ID, at)
	if err != nil {
		return err
	}
	for _, m := range members {
		l.cursor(m.Name()).at = m.at
	}
	l.publish()
	l.announce(revision)
	return nil
}

// announce calls Committed for an edit of what is served. From has one edit less than To
// and its position: where edits differ, positions are not compared.
func (l *leader) announce(to readmodel.Revision, campaigns ...events.Campaign) {
	from := to
	from.Edits--
	l.cfg.Committed(readmodel.Change{From: from, To: to, Campaigns: campaigns})
}
