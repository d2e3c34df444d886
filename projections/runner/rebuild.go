package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

const (
	// maxRowsInMemory bounds what a rebuild folds before it writes: about 300 MiB. What
	// comes after is folded into the written rows.
	maxRowsInMemory = 1_000_000
	// catchUpBatch is how many events are folded into written rows at once, beside the
	// live projections, which must not wait long for the lease or the file.
	catchUpBatch = 2_000
)

// rebuild folds the log anew, in memory as far as that goes, writes the rows as
// another generation, catches up with what is served, and puts it in that one's place
// (I7): where that stands, or further on if it was behind the log.
func (f *follower) rebuild(ctx context.Context, act *readmodel.Act, ps []projections.Projection) error {
	ops := f.cfg.Rows
	if err := ops.Prune(ctx, f.lease); err != nil { // of a build that was killed
		return err
	}
	through, err := f.buildThrough(ctx, ps)
	if err != nil {
		return err
	}
	wanted := make([]readmodel.Checkpoint, len(ps))
	for i, p := range ps {
		wanted[i] = readmodel.Checkpoint{Projection: p.Name, Version: p.Version}
	}
	begun, err := ops.Begin(ctx, f.lease, wanted)
	if err != nil {
		return err
	}
	if through > 0 {
		if err := f.build(ctx, act, ps, begun, through); err != nil {
			return err
		}
	}
	if err := f.replaceActive(ctx, act, ps, begun); err != nil {
		return err
	}
	return ops.Prune(ctx, f.lease)
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
		if b.Paused && slices.ContainsFunc(ps, func(p projections.Projection) bool { return p.Name == b.Projection }) {
			through = min(through, b.Position)
		}
	}
	return through, nil
}

// build folds the log into the empty generations, up to the position or as far as
// memory allows.
func (f *follower) build(ctx context.Context, act *readmodel.Act, ps []projections.Projection, begun []readmodel.Checkpoint, through events.Position) error {
	act.To = through
	note := f.progress(ctx, act)
	replay := Replay{
		Log: f.cfg.Log, Projections: ps, Through: through, MaxRows: maxRowsInMemory,
		Progress: func(at, _ events.Position) { act.At = at; note() },
	}
	got, err := replay.Run(ctx)
	if err != nil {
		return err
	}
	advances := make([]readmodel.Advance, len(begun))
	for i := range begun {
		advances[i] = readmodel.Advance{Checkpoint: begun[i], To: got.Through}
	}
	if err := f.cfg.Rows.Fill(ctx, f.lease, advances, got.Rows); err != nil {
		return err
	}
	for i := range begun {
		begun[i].Position = got.Through
	}
	return nil
}

// rollback serves the generations again that were served before the active ones, once
// they have caught up with them.
func (f *follower) rollback(ctx context.Context, act *readmodel.Act, ps []projections.Projection) error {
	all, err := f.cfg.Rows.List(ctx)
	if err != nil {
		return err
	}
	standbys := make([]readmodel.Checkpoint, len(ps))
	for i, p := range ps {
		for _, b := range all {
			if b.Standby && b.Projection == p.Name {
				standbys[i] = b.Checkpoint
			}
		}
		switch {
		case standbys[i].Projection == "":
			return fmt.Errorf("%w: no earlier generation of %s is kept", ErrNothing, p.Name)
		case standbys[i].Version != p.Version:
			return fmt.Errorf("%s: generation %d is of version %d, this program folds version %d: roll back with the program that made it: %w",
				p.Name, standbys[i].Generation, standbys[i].Version, p.Version, errOtherVersion)
		}
	}
	return f.replaceActive(ctx, act, ps, standbys)
}

// errOtherVersion is no [readmodel.ErrVersion], which would end the runner.
var errOtherVersion = errors.New("built by another version of the projection")

// ErrNothing says that there is nothing that the act could be carried out on.
var ErrNothing = errors.New("nothing there")

// replaceActive has the generations catch up with the active ones and then, while
// these stand still, puts them in their place.
func (f *follower) replaceActive(ctx context.Context, act *readmodel.Act, ps []projections.Projection, at []readmodel.Checkpoint) error {
	members := make([]*cursor, len(ps))
	for i, p := range ps {
		members[i] = &cursor{Projection: p, at: at[i]}
	}
	note := f.progress(ctx, act)
	for {
		lowest, left, err := f.catchUp(ctx, members, handoverGap)
		if err != nil {
			return err
		}
		if !left {
			break
		}
		act.At, act.To = lowest, f.active(ps[0].Name)
		note()
	}
	act.At, act.To = members[0].at.Position, max(members[0].at.Position, f.active(ps[0].Name))
	if err := f.cfg.Rows.Note(ctx, f.lease, *act); err != nil {
		return err
	}
	return f.hand(ctx, func(ctx context.Context) error {
		for left := true; left; {
			var err error
			if _, left, err = f.catchUp(ctx, members, 0); err != nil {
				return err
			}
		}
		return f.serve(ctx, act, members)
	})
}

// catchUp folds one more stretch of the log into the generation that is farthest
// behind the active one of its projection. It reports how far that is, and whether
// any is still more than gap behind.
func (f *follower) catchUp(ctx context.Context, members []*cursor, gap events.Position) (lowest events.Position, left bool, err error) {
	var c cohort
	for _, m := range members {
		active := f.active(m.Name)
		switch {
		case active-m.at.Position <= gap: // or it is beyond
		case len(c.members) == 0 || m.at.Position < c.from:
			c = cohort{from: m.at.Position, through: active, members: []*cursor{m}}
		case m.at.Position == c.from:
			c.through, c.members = min(c.through, active), append(c.members, m)
		}
	}
	if len(c.members) == 0 {
		return 0, false, nil
	}
	done, err := f.fold(ctx, c, catchUpBatch)
	if err != nil {
		return 0, false, err
	}
	if done.events == 0 {
		return 0, false, fmt.Errorf("%w: nothing after position %d, but rows up to %d", events.ErrGap, c.from, c.through)
	}
	return c.from, true, nil
}

// serve makes the generations the active ones.
func (f *follower) serve(ctx context.Context, act *readmodel.Act, members []*cursor) error {
	at := make([]readmodel.Checkpoint, len(members))
	for i, m := range members {
		at[i] = m.at
	}
	revision, err := f.cfg.Rows.Activate(ctx, f.lease, act.ID, at)
	if err != nil {
		return err
	}
	for _, m := range members {
		f.cursor(m.Name).at = m.at
	}
	f.publish()
	f.announce(revision)
	return nil
}

// announce tells of an edit to what is served. It has moved no position.
func (f *follower) announce(to readmodel.Revision, campaigns ...events.Campaign) {
	from := to
	from.Edits--
	f.cfg.Committed(readmodel.Change{From: from, To: to, Campaigns: campaigns})
}
