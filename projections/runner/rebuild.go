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
	// maxRowsInMemory bounds what a rebuild folds before it writes: about 300 MiB. What
	// comes after is folded into the written rows.
	maxRowsInMemory = 1_000_000
	// catchUpTime is how long it should take to fold some events into written rows.
	catchUpTime = 250 * time.Millisecond
	// firstCatchUp is how many events are tried with.
	firstCatchUp = 1_000
	// handoverGap is how many events at most should be left to fold while the live
	// projections wait for the end of an operation.
	handoverGap = 100
)

// rebuild folds the log anew, in memory as far as that goes, writes the rows as
// another generation, catches up with what is served, and puts it in that one's place
// (I7): where that stands, or further on if it was behind the log.
func (f *follower) rebuild(ctx context.Context, op *readmodel.Operation, ps []projections.Projection) error {
	ops := f.cfg.Rows
	if err := ops.Prune(ctx, f.lease, f.giveWay); err != nil { // of a build that was killed
		return err
	}
	through, err := f.buildThrough(ctx, ps)
	if err != nil {
		return err
	}
	wanted := make([]readmodel.Checkpoint, len(ps))
	for i, p := range ps {
		wanted[i] = readmodel.Checkpoint{Projection: p.Name(), Version: p.Version}
	}
	begun, err := ops.Begin(ctx, f.lease, wanted)
	if err != nil {
		return err
	}
	if through > 0 {
		if err := f.build(ctx, op, ps, begun, through); err != nil {
			return err
		}
	}
	// A build that is cut short is begun anew, so its rows need not be written at once.
	fill := func(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows) (readmodel.Revision, error) {
		return readmodel.Revision{}, ops.Fill(ctx, lease, advances, rows, f.giveWay)
	}
	return f.replaceActive(ctx, op, ps, begun, fill)
}

// buildThrough returns how far the projections are to be built: to the head, or to where
// one of them was paused.
func (f *follower) buildThrough(ctx context.Context, ps []projections.Projection) (events.Position, error) {
	totals, err := f.cfg.Log.Totals(ctx)
	if err != nil {
		return 0, err
	}
	builds, err := f.cfg.Rows.List(ctx)
	if err != nil {
		return 0, err
	}
	through := totals.Head
	for _, b := range builds {
		if b.Paused && slices.ContainsFunc(ps, func(p projections.Projection) bool { return p.Name() == b.Projection }) {
			through = min(through, b.Position)
		}
	}
	return through, nil
}

// build folds the log into the empty generations, up to the position or as far as
// memory allows.
func (f *follower) build(ctx context.Context, op *readmodel.Operation, ps []projections.Projection, begun []readmodel.Checkpoint, through events.Position) error {
	op.To = through
	note := f.progress(ctx, op)
	build := replay.Replay{
		Log: f.cfg.Log, Projections: ps, Through: through, MaxRows: f.maxRows,
		Progress: func(at, _ events.Position) { op.At = at; note() }, GiveWay: f.giveWay,
	}
	got, err := build.Run(ctx)
	if err != nil {
		return err
	}
	advances := make([]readmodel.Advance, len(begun))
	for i := range begun {
		advances[i] = readmodel.Advance{Checkpoint: begun[i], To: got.Through}
	}
	if err := f.cfg.Rows.Fill(ctx, f.lease, advances, got.Rows, f.giveWay); err != nil {
		return err
	}
	for i := range begun {
		begun[i].Position = got.Through
	}
	return nil
}

// rollback serves the generations again that were served before the active ones, once
// they have caught up with them.
func (f *follower) rollback(ctx context.Context, op *readmodel.Operation, ps []projections.Projection) error {
	all, err := f.cfg.Rows.List(ctx)
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
	return f.replaceActive(ctx, op, ps, standbys, f.cfg.Rows.Commit)
}

// replaceActive has the generations catch up with the active ones and then, while
// these stand still, puts them in their place. All but the last rows are written by
// commit.
func (f *follower) replaceActive(ctx context.Context, op *readmodel.Operation, ps []projections.Projection, at []readmodel.Checkpoint, commit commit) error {
	members := make([]*cursor, len(ps))
	for i, p := range ps {
		members[i] = &cursor{Projection: p, at: at[i]}
	}
	note := f.progress(ctx, op)
	batch := firstCatchUp
	for last := events.Position(math.MaxInt64); ; {
		f.giveWay()
		start := time.Now()
		left, err := f.catchUp(ctx, members, batch, commit)
		if err != nil {
			return err
		}
		if left <= handoverGap || left >= last && batch <= int(left) {
			break // it is near, or does not come nearer
		}
		switch took := time.Since(start); {
		case took < catchUpTime/2:
			batch = min(2*batch, f.cfg.Batch)
		case took > catchUpTime:
			batch = max(batch/2, handoverGap)
		}
		last = left
		f.reached(op, members)
		note()
	}
	f.reached(op, members)
	if err := f.cfg.Rows.Note(ctx, f.lease, *op); err != nil {
		return err
	}
	return f.hand(ctx, func(ctx context.Context) error {
		for left := events.Position(1); left > 0; {
			var err error
			if left, err = f.catchUp(ctx, members, f.cfg.Batch, f.cfg.Rows.Commit); err != nil {
				return err
			}
		}
		return f.serve(ctx, op, members)
	})
}

// reached says in the operation how much of the log is folded, of how much: as far as the
// generation that is farthest behind the active one of its projection.
func (f *follower) reached(op *readmodel.Operation, members []*cursor) {
	var left events.Position
	op.To = 0
	for _, m := range members {
		active := f.active(m.Name())
		op.To = max(op.To, active, m.at.Position)
		left = max(left, active-m.at.Position)
	}
	op.At = op.To - left
}

// catchUp folds one more stretch of the log, of at most batch events, into the
// generation that is farthest behind the active one of its projection. It returns how
// far that one was behind at most before.
func (f *follower) catchUp(ctx context.Context, members []*cursor, batch int, commit commit) (left events.Position, err error) {
	var c cohort
	for _, m := range members {
		active := f.active(m.Name())
		switch {
		case active <= m.at.Position: // or it is beyond
			continue
		case len(c.members) == 0 || m.at.Position < c.from:
			c = cohort{from: m.at.Position, through: active, members: []*cursor{m}}
		case m.at.Position == c.from:
			c.through, c.members = min(c.through, active), append(c.members, m)
		}
		left = max(left, active-m.at.Position)
	}
	if left == 0 {
		return 0, nil
	}
	done, err := f.fold(ctx, c, batch, commit)
	if err != nil {
		return 0, err
	}
	if done.events == 0 {
		return 0, fmt.Errorf("%w: nothing after position %d, but rows up to %d", events.ErrGap, c.from, c.through)
	}
	return left, nil
}

// serve makes the generations the active ones.
func (f *follower) serve(ctx context.Context, op *readmodel.Operation, members []*cursor) error {
	at := make([]readmodel.Checkpoint, len(members))
	for i, m := range members {
		at[i] = m.at
	}
	revision, err := f.cfg.Rows.Activate(ctx, f.lease, op.ID, at)
	if err != nil {
		return err
	}
	for _, m := range members {
		f.cursor(m.Name()).at = m.at
	}
	f.publish()
	f.announce(revision)
	return nil
}

// announce tells of an edit to what is served. Whoever sees that edits were counted
// looks no further at the position from which it came.
func (f *follower) announce(to readmodel.Revision, campaigns ...events.Campaign) {
	from := to
	from.Edits--
	f.cfg.Committed(readmodel.Change{From: from, To: to, Campaigns: campaigns})
}
