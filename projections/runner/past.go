package runner

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// loadDue returns all rows of each campaign of which a snapshot is due after one of the events, as
// they are before these.
func (l *leader) loadDue(ctx context.Context, s *stretch, facts []events.Recorded) (map[events.Campaign]*readmodel.Rows, error) {
	var due map[events.Campaign]*readmodel.Rows
	for i := range facts {
		if !l.kept.Due(facts[i].Position, 0) {
			continue
		}
		c := facts[i].Event.Subject()
		if due[c] != nil || !l.kept.Due(facts[i].Position, l.large.rows(c)) {
			continue
		}
		rows, err := l.cfg.Rows.LoadCampaign(ctx, s.at, c)
		if err != nil {
			return nil, err
		}
		if due == nil {
			due = make(map[events.Campaign]*readmodel.Rows)
		}
		due[c] = rows
		s.putOver(rows, c, s.onto)
	}
	return due, nil
}

// putOver puts the campaign's rows in newer, if there are any, in the place of those in rows.
func (s *stretch) putOver(rows *readmodel.Rows, c events.Campaign, newer *readmodel.Rows) {
	if newer == nil {
		return
	}
	for _, m := range s.members {
		for _, row := range newer.In(m.Table, c) {
			rows.Put(m.Table, row)
		}
	}
}

// keep has the stretch write a snapshot of a campaign after an event, if one is due.
func (l *leader) keep(s *stretch, due map[events.Campaign]*readmodel.Rows, after *events.Recorded) {
	if !l.kept.Due(after.Position, 0) {
		return
	}
	c := after.Event.Subject()
	rows := due[c]
	if rows == nil {
		return
	}
	s.putOver(rows, c, s.rows)
	n := rows.LenOf(c)
	l.large.note(c, n)
	if l.kept.Due(after.Position, n) {
		s.rows.Keep(l.kept.Of(rows, s.projections(), c, after, readmodel.AsBefore)...)
	}
}

// leastUnkept is how many events the log has where a question about a campaign without snapshots, of
// which all may be, takes longer than some tenths of a second.
const leastUnkept = 100_000

// rebuildUnkept asks for a rebuild of the projections of which no generation has kept its snapshots,
// as an earlier program made them all: until then each first question about the past folds its
// campaign from the start. One that was rebuilt and rolled back is left as it is.
func (l *leader) rebuildUnkept(ctx context.Context, all []readmodel.GenerationState) error {
	var unkept []string
	for i := range l.cursors {
		c := &l.cursors[i]
		kept := slices.ContainsFunc(all, func(g readmodel.GenerationState) bool { return g.Kept && g.Projection == c.Name() })
		if !kept && !c.outdated() && c.at.Position >= l.leastUnkept {
			unkept = append(unkept, c.Name())
		}
	}
	if len(unkept) == 0 {
		return nil
	}
	slices.Sort(unkept)
	why := "an earlier program kept no snapshots of its rows"
	l.cfg.Logger.InfoContext(ctx, "projections: rows are being rebuilt from the log", slog.Any("projections", unkept), slog.String("why", why))
	_, err := l.cfg.Rows.Ask(ctx, readmodel.Operation{Kind: readmodel.Rebuild, Projections: unkept, Who: l.lease.Owner, Why: why})
	return err
}

const (
	// largeRows is how many rows a campaign has that is noted, maxLarge how many such there are.
	largeRows = 1_000
	maxLarge  = 10_000
)

// large holds the number of rows of campaigns that have many, so that they are not loaded for a
// snapshot that is not taken.
type large struct {
	mu sync.Mutex
	of map[events.Campaign]int // guarded by mu
}

func (g *large) rows(c events.Campaign) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.of[c]
}

func (g *large) note(c events.Campaign, n int) {
	if n < largeRows {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of == nil || len(g.of) >= maxLarge {
		g.of = make(map[events.Campaign]int)
	}
	g.of[events.Campaign(strings.Clone(string(c)))] = n
}

// maxKeptBytes is what the snapshots of a rebuild occupy in memory before they are written.
const maxKeptBytes = 4 << 20

// keeping writes the snapshots of a rebuild, as it takes them, into the empty generations.
type keeping struct {
	*leader
	ps    []projections.Projection
	at    []readmodel.Checkpoint
	some  []readmodel.Snapshot
	bytes int
}

func (k *keeping) keep(ctx context.Context, some []readmodel.Snapshot) error {
	k.some = append(k.some, some...)
	for i := range some {
		k.bytes += len(some[i].Rows)
	}
	if k.bytes < maxKeptBytes {
		return nil
	}
	return k.write(ctx)
}

func (k *keeping) write(ctx context.Context) error {
	if len(k.some) == 0 {
		return nil
	}
	advances := make([]readmodel.Advance, len(k.at))
	for i, at := range k.at {
		advances[i] = readmodel.Advance{Checkpoint: at, To: at.Position, Link: at.Link}
	}
	rows := readmodel.NewRows(projections.Tables(k.ps)...)
	rows.Keep(k.some...)
	k.some, k.bytes = k.some[:0], 0
	return k.cfg.Rows.Fill(ctx, k.lease, advances, rows, k.waitForFolding)
}
