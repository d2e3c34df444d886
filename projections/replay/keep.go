package replay

import (
	"context"
	"fmt"
	"strings"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// DefaultEvery is how many positions lie between two snapshots, of whatever campaigns. It is a
// prime: where campaigns take turns, each has its turn at a snapshot.
const DefaultEvery = 6_007

const (
	// manyRows is how many rows a campaign has of which each snapshot is taken. Of one that has
	// more, some are left out: what is stored and what it costs grows with the log alone.
	manyRows = 1_000
	// maxKept is how many snapshots the fold of one campaign holds in memory at most.
	maxKept = 2_000
)

// Snapshots takes snapshots of campaigns for later questions about the past: of the campaign
// that has an event at a multiple of a number of positions, after that event. So a campaign has
// as many as its share of the log, and what they cost does not depend on how many campaigns
// there are. It may be used by several goroutines.
type Snapshots struct {
	every  events.Position
	codecs map[string]readmodel.Codec // by projection
}

// NewSnapshots returns Snapshots of the rows of the projections; 0 means [DefaultEvery].
func NewSnapshots(ps []projections.Projection, every events.Position) *Snapshots {
	s := &Snapshots{every: every, codecs: make(map[string]readmodel.Codec, len(ps))}
	if every < 1 {
		s.every = DefaultEvery
	}
	for _, p := range ps {
		s.codecs[p.Name()] = readmodel.NewCodec(p.Table)
	}
	return s
}

// Due reports whether a snapshot is taken after the event at a position, of a campaign that has
// so many rows.
func (s *Snapshots) Due(at events.Position, rows int) bool {
	return at%s.every == 0 && at/s.every%events.Position(1+rows/manyRows) == 0
}

// Of returns a snapshot of each projection, with the campaign's rows after an event.
func (s *Snapshots) Of(rows *readmodel.Rows, ps []projections.Projection, c events.Campaign, after *events.Recorded, overwritten int) []readmodel.Snapshot {
	c = events.Campaign(strings.Clone(string(c))) // the event's own would keep the whole event in memory
	all := make([]readmodel.Snapshot, len(ps))
	for i, p := range ps {
		encoded, _ := s.codecs[p.Name()].Append(nil, c, func(t *readmodel.Table) []any { return rows.In(t, c) }) // rows of the campaign
		all[i] = readmodel.Snapshot{
			Projection: p.Name(), Campaign: c, Position: after.Position, RecordedAt: after.RecordedAt,
			Overwritten: overwritten, Rows: string(encoded),
		}
	}
	return all
}

// Campaign is [Campaign] for the projections. The rows keep snapshots, the last of them after
// the last event.
func (s *Snapshots) Campaign(ctx context.Context, log events.Log, ps []projections.Projection, c events.Campaign, after, through events.Position) (*readmodel.Rows, error) {
	return campaign(ctx, log, ps, c, after, through, s)
}

// Overwritten returns how many events of each campaign erasures have overwritten; of all
// campaigns for the campaign "". It must be read before the events of which snapshots are taken.
func Overwritten(ctx context.Context, log events.Log, c events.Campaign) (map[events.Campaign]int, error) {
	all, err := log.Erasures().List(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("count what is overwritten: %w", err)
	}
	of := make(map[events.Campaign]int)
	for i := range all {
		if n := len(all[i].Positions); n > 0 {
			of[all[i].Campaign] += n
		}
	}
	return of, nil
}
