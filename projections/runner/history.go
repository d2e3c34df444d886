package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// errHistory ends a term within which the log went back or was exchanged. The next one
// begins with that.
var errHistory = errors.New("the log has another history than the rows")

// settleHistory compares what is served with the log as a term begins (I13). It abandons rows
// of a history that the log does not have, and gives all others a new incarnation, so that
// no copy of the rows from before is believed: this may be an older copy of the database.
func (l *leader) settleHistory(ctx context.Context) error {
	lost, err := l.lostHistory(ctx)
	if err != nil {
		return err
	}
	if lost == "" {
		_, err := l.cfg.Rows.Renew(ctx, l.lease)
		return err
	}
	var names []string
	for _, p := range l.cfg.Projections {
		names = append(names, p.Name())
	}
	if _, err := l.cfg.Rows.Abandon(ctx, l.lease, names); err != nil {
		return err
	}
	l.note(func(s *Status) { s.HistoryChanges++ })
	l.cfg.Logger.ErrorContext(ctx, "projections: "+lost+": the rows are no longer served and are being rebuilt from the log",
		slog.String("owner", l.lease.Owner))
	return nil
}

// checkHistory returns [errHistory] where the log went back or was exchanged within the
// term, and [readmodel.ErrFenced] where the rows did.
func (l *leader) checkHistory(ctx context.Context) error {
	lost, err := l.lostHistory(ctx)
	switch {
	case err != nil:
		return err
	case lost != "":
		return fmt.Errorf("%w: %s", errHistory, lost)
	}
	all, err := l.cfg.Rows.List(ctx)
	if err != nil {
		return err
	}
	for i := range l.cursors {
		at := l.cursors[i].at
		if !slices.ContainsFunc(all, func(g readmodel.GenerationState) bool { return g.Active && g.Checkpoint == at }) {
			return fmt.Errorf("%s does not stand at position %d any more: %w", at.Projection, at.Position, readmodel.ErrFenced)
		}
	}
	return nil
}

// lostHistory compares the link of each generation that is served, or can be again, with
// that of the log there. It returns what has happened where one differs, else an empty
// text. A checkpoint that has no link yet gets the log's.
func (l *leader) lostHistory(ctx context.Context) (lost string, err error) {
	all, err := l.cfg.Rows.List(ctx)
	if err != nil {
		return "", err
	}
	for _, g := range all {
		ours := slices.ContainsFunc(l.cfg.Projections, func(p projections.Projection) bool { return p.Name() == g.Projection })
		if !ours || !g.Active && !g.Standby {
			continue
		}
		link, reached, err := l.cfg.Log.Chain().Link(ctx, g.Position)
		switch {
		case err != nil:
			return "", fmt.Errorf("compare the history of %s with the log's: %w", g.Projection, err)
		case !reached:
			return l.wentBack(ctx, g.Checkpoint)
		case g.Link == events.Link{} && g.Position > 0:
			adopted := []readmodel.Advance{{Checkpoint: g.Checkpoint, To: g.Position, Link: link}}
			if _, err := l.cfg.Rows.Commit(ctx, l.lease, adopted, readmodel.NewRows()); err != nil {
				return "", err
			}
		case g.Link != link:
			return fmt.Sprintf("the log is another one: at position %d it has the link %v, the rows of %s have %v", g.Position, link, g.Projection, g.Link), nil
		}
	}
	return "", nil
}

func (l *leader) wentBack(ctx context.Context, at readmodel.Checkpoint) (string, error) {
	totals, err := l.cfg.Log.Totals(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("the log went back: it ends at position %d, the rows of %s stand at %d", totals.Head, at.Projection, at.Position), nil
}

// sameHistory returns [errHistory] unless the log has the links of the checkpoints.
func (l *leader) sameHistory(ctx context.Context, at []readmodel.Checkpoint) error {
	for _, c := range at {
		link, reached, err := l.cfg.Log.Chain().Link(ctx, c.Position)
		if err != nil {
			return err
		}
		if !reached || link != c.Link {
			return fmt.Errorf("%s, position %d: %w", c.Projection, c.Position, errHistory)
		}
	}
	return nil
}
