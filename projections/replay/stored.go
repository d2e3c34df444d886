package replay

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	// nearPage is how many events are read at once after a stored snapshot.
	nearPage = 2 * DefaultEvery
	// maxNear is how many events a question folds after a stored snapshot. Where there are more the
	// campaign is folded from its start, and leaves snapshots in memory.
	maxNear = 30_000
)

// stored answers from the last snapshots before the moment that are kept with the rows. It reports
// false where there are none that are of the log as it is now, or where they are too far away.
func (h *History) stored(ctx context.Context, p *past, l *line, q question) (_ *readmodel.Rows, ok bool, err error) {
	if h.Snapshots == nil {
		return nil, false, nil
	}
	kept, err := h.earlier(ctx, q)
	if err != nil || len(kept) < len(h.Projections) {
		return nil, false, err
	}
	packer := newPacker(q.campaign, h.Projections)
	rows := readmodel.NewRows(packer.tables...)
	at := make([]events.Position, len(h.Projections)) // of each projection's snapshot
	bound, from := q.head, snapshot{position: math.MaxInt64}
	for i, pr := range h.Projections {
		k := find(kept, pr.Name())
		if k == nil || k.Of.Version != pr.Version || k.Overwritten != q.overwritten ||
			firstDifference(events.WithdrawnAt(q.withdrawals, k.Position), l.withdrawn) <= k.Position {
			return nil, false, nil
		}
		if ours, err := h.ofLog(ctx, p, k.Of); err != nil || !ours {
			return nil, false, err
		}
		_, some, err := readmodel.NewCodec(pr.Table).Decode(k.Rows)
		if err != nil {
			return nil, false, nil //nolint:nilerr // it is as if there were none
		}
		rows.PutAll(some)
		at[i], from.position = k.Position, min(from.position, k.Position)
		if k.Next > 0 {
			bound = min(bound, k.Next-1)
		}
	}
	if near := p.nearest(l, q); near.position > slices.Max(at) {
		if rows, err = packer.unpack(near); err != nil {
			return nil, false, err
		}
		from = near
	}
	if q.position > 0 {
		bound = min(bound, q.position)
	}
	ok, err = h.foldNear(ctx, p, l, q, nearby{packer, rows, at, from, bound})
	if errors.Is(p.judge(l, err), errNoStream) {
		return nil, false, nil
	}
	return rows, ok, err
}

// earlier returns the last snapshots before the moment. It returns none where they cannot be read:
// the log has the answer all the same. An error is that of the context.
func (h *History) earlier(ctx context.Context, q question) ([]readmodel.Snapshot, error) {
	kept, err := h.Snapshots.Earlier(ctx, q.campaign, readmodel.Moment{Position: q.position, At: q.at})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	switch before := h.failing.Swap(err != nil); {
	case h.Logger == nil:
	case err != nil && !before:
		h.Logger.WarnContext(ctx, "history: the snapshots that are kept with the rows cannot be read, questions about the past fold campaigns from the log", slog.Any("error", err))
	case err == nil && before:
		h.Logger.InfoContext(ctx, "history: the snapshots that are kept with the rows can be read again")
	}
	if err != nil {
		return nil, nil //nolint:nilerr // it has been logged
	}
	return kept, nil
}

// nearby is what there is of a campaign near a moment: the rows of a snapshot.
type nearby struct {
	*packer
	rows  *readmodel.Rows
	at    []events.Position // of each projection's rows, unless from is later
	from  snapshot          // the earliest of them
	bound events.Position   // not before the moment
}

// foldNear folds on to the moment, and leaves snapshots in memory. It reports false where that is
// far away.
func (h *History) foldNear(ctx context.Context, p *past, l *line, q question, n nearby) (ok bool, err error) {
	from, kept := n.from, 0
	var left []snapshot
	for all, folded := false, 0; !all; {
		read, last, err := h.readFrom(ctx, q.campaign, from, n.bound, q.at, nearPage)
		if err != nil {
			return false, err
		}
		all = last
		for some := range slices.Chunk(read, h.spacing(0, n.rows)) {
			facts := l.withdrawn.InEffect(some)
			for f := range facts {
				for i, pr := range h.Projections {
					if e := &facts[f]; e.Position > n.at[i] {
						pr.Fold(n.rows, e)
					}
				}
			}
			end := some[len(some)-1]
			from = snapshot{position: end.Position, recordedAt: end.RecordedAt}
			if folded += len(some); folded > maxNear {
				return false, nil
			}
			if folded-kept >= h.spacing(0, n.rows)/4 && end.Position > slices.Max(n.at) {
				left, kept = append(left, n.pack(n.rows, from)), folded
			}
		}
	}
	p.keepNear(l, left)
	return true, nil
}

// find returns the snapshot of a projection, nil where there is none.
func find(kept []readmodel.Snapshot, projection string) *readmodel.Snapshot {
	for i := range kept {
		if kept[i].Projection == projection {
			return &kept[i]
		}
	}
	return nil
}

// ofLog reports whether a generation's rows, and so its snapshots, are of the history that the log
// has (I13). A generation that was is for as long as the log's history lasts.
func (h *History) ofLog(ctx context.Context, p *past, at readmodel.Checkpoint) (bool, error) {
	key := generation{at.Projection, at.Generation}
	p.mu.Lock()
	ours := p.ours[key]
	p.mu.Unlock()
	if ours {
		return true, nil
	}
	link, reached, err := h.Log.Chain().Link(ctx, at.Position)
	if err != nil {
		return false, err
	}
	if ours = reached && link == at.Link; ours {
		p.mu.Lock()
		p.ours[key] = true
		p.mu.Unlock()
	}
	return ours, nil
}
