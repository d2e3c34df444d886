package replay

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
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

// History tells what was known of a campaign at an earlier moment, by folding its events from the
// last snapshot on. What it folds leaves snapshots in memory, from which later questions about the campaign begin. It
// is safe for concurrent use.
type History struct {
	Log         events.Log
	Projections []projections.Projection
	// Snapshots are those that are kept with the rows. Nil, or while it fails, there are none.
	Snapshots readmodel.Snapshots
	// Logger logs that Snapshots fails, once, and that it works again. Nil disables logging.
	Logger *slog.Logger
	// Spacing is how many events of a campaign lie between two snapshots, about. 0 means
	// DefaultSpacing.
	Spacing int
	// Bytes bounds what the snapshots of all campaigns occupy, about. 0 means
	// DefaultHistoryBytes.
	Bytes int

	mu   sync.Mutex
	past *past // guarded by mu; nil before the first question

	failing atomic.Bool // Snapshots failed when it was last asked
}

// Defaults of a [History].
const (
	DefaultSpacing      = 1_000
	DefaultHistoryBytes = 48 << 20
)

const (
	// foldPage is how many events of a campaign are folded at a time where there are no
	// snapshots yet. Questions that wait for the same events take turns at that.
	foldPage = 10_000
	// fewEvents is how many are expected where they are known to be few.
	fewEvents = 1_000
	// apart is how many positions of the log each event of a campaign takes where it is better to
	// read all of them than to find the campaign's.
	apart = 8
)

var _ readmodel.History = (*History)(nil)

// errNoStream says that a snapshot is of events that are no longer the campaign's.
var errNoStream = errors.New("the stream is not what it was")

// CampaignAsOf implements [readmodel.History].
func (h *History) CampaignAsOf(ctx context.Context, c events.Campaign, asOf readmodel.Moment, by readmodel.Scope) (readmodel.CampaignRows, time.Time, error) {
	if c == "" || asOf.Position == 0 && asOf.At.IsZero() {
		return readmodel.CampaignRows{}, time.Time{}, fmt.Errorf("look back: %w", readmodel.ErrNotFound)
	}
	rows, at, err := h.lookBack(ctx, c, asOf)
	if err != nil {
		return readmodel.CampaignRows{}, time.Time{}, fmt.Errorf("look back: %w", err)
	}
	if rows.Campaign().Campaign == "" || !by.Allows(*rows.Campaign()) {
		return readmodel.CampaignRows{}, time.Time{}, fmt.Errorf("look back: %w", readmodel.ErrNotFound)
	}
	return rows, at, nil
}

// question is what is asked of a campaign's stream, of a log that ends at head.
type question struct {
	campaign events.Campaign
	position events.Position // the last that counts; 0: at says which
	at       time.Time       // the last RecordedAt that counts, before headAt; zero: position says which

	head   events.Position
	headAt time.Time

	// Of the campaign, once they are read: its withdrawals through the moment, and how many of its
	// events are overwritten.
	withdrawals []events.Recorded
	overwritten int
}

// lookBack returns the campaign's rows at the moment, and when that was.
func (h *History) lookBack(ctx context.Context, c events.Campaign, asOf readmodel.Moment) (readmodel.CampaignRows, time.Time, error) {
	totals, err := h.Log.Totals(ctx)
	if err != nil {
		return readmodel.CampaignRows{}, time.Time{}, err
	}
	if asOf.Position > totals.Head {
		return readmodel.CampaignRows{}, time.Time{}, fmt.Errorf("position %d: %w: the log ends at position %d", asOf.Position, readmodel.ErrFuture, totals.Head)
	}
	q := question{campaign: c, position: asOf.Position, at: asOf.At, head: totals.Head, headAt: totals.RecordedAt}
	at := asOf.At
	switch {
	case q.head == 0:
		return readmodel.NewCampaignRows(), at, nil
	case q.position > 0:
		q.at = time.Time{}
		if at, err = recordedAt(ctx, h.Log, q.position); err != nil {
			return readmodel.CampaignRows{}, time.Time{}, err
		}
	case !q.at.Before(q.headAt):
		q.position, q.at = q.head, time.Time{}
	}
	rows, err := h.rows(ctx, q)
	if errors.Is(err, errNoStream) { // and what was kept of it is dropped
		rows, err = h.rows(ctx, q)
	}
	if err != nil {
		return readmodel.CampaignRows{}, time.Time{}, err
	}
	return rows.Of(c), at, nil
}

// rows returns the fold of the campaign's events through the moment, without those that are
// withdrawn there.
func (h *History) rows(ctx context.Context, q question) (*readmodel.Rows, error) {
	p, err := h.current(ctx, q.head)
	if err != nil {
		return nil, err
	}
	moves := events.PersonalInID(string(q.campaign)) != events.NothingPersonal
	if moves { // any of its events may have another campaign's name by now
		p = newPast(p.known(), h.Bytes)
	}
	l, err := h.line(ctx, p, &q)
	if err != nil {
		return nil, err
	}
	if !moves && !p.covers(l, q) {
		if rows, ok, err := h.stored(ctx, p, l, q); ok || err != nil {
			return rows, err
		}
	}
	for !p.covers(l, q) {
		if err := h.foldOn(ctx, p, l, q); err != nil {
			return nil, p.judge(l, err)
		}
	}
	rows, err := h.answer(ctx, p, l, q)
	return rows, p.judge(l, err)
}

// current returns what is kept of the log's history. What is kept of another history, or of a
// part that the log no longer has, is dropped (I13).
func (h *History) current(ctx context.Context, head events.Position) (*past, error) {
	// The newest mark is read before the known one is compared: were the log exchanged in
	// between, the newest would not be that of its history.
	newest, err := h.markFrom(ctx, head)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	kept := h.past
	h.mu.Unlock()
	same := kept != nil
	if same {
		if known := kept.known(); known != newest {
			there, err := h.markFrom(ctx, known.Position)
			if err != nil {
				return nil, err
			}
			same = there == known
		}
	}
	if same {
		kept.learn(newest)
		return kept, nil
	}
	fresh := newPast(newest, h.Bytes)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.past == kept && newest.Position >= head { // else others have judged it too: fresh is for this question alone
		h.past = fresh
	}
	return fresh, nil
}

// markFrom returns the first stored link of the log's chain from a position on; none where
// there is no such link.
func (h *History) markFrom(ctx context.Context, at events.Position) (events.Mark, error) {
	marks, err := h.Log.Chain().Marks(ctx, at-1, 1)
	if err != nil || len(marks) == 0 {
		return events.Mark{}, err
	}
	return marks[0], nil
}

// line returns the line of snapshots that the question is answered from: of the campaign, as
// its events are overwritten now, without those that are withdrawn at the moment.
func (h *History) line(ctx context.Context, p *past, q *question) (*line, error) {
	// What is overwritten is read before the events, so that none is older than it says.
	erasures, err := h.Log.Erasures().List(ctx, q.campaign)
	if err != nil {
		return nil, err
	}
	key := lineKey{campaign: q.campaign}
	if len(erasures) > 0 {
		var all []byte
		for _, e := range erasures {
			q.overwritten += len(e.Positions)
			all = binary.BigEndian.AppendUint64(all, uint64(e.At.UnixMicro()))
			all = binary.BigEndian.AppendUint64(all, uint64(len(e.Positions)))
		}
		key.overwritten = sha256.Sum256(all)
	}
	stream := events.Stream{
		Campaign: q.campaign, Through: q.position, AsOf: q.at, Types: []events.Type{events.TypeEventsWithdrawn}, Limit: events.MaxWithdrawn,
	}
	for {
		read, err := h.Log.ReadStream(ctx, stream)
		if err != nil {
			return nil, err
		}
		if len(read) == 0 {
			break
		}
		q.withdrawals = append(q.withdrawals, read...)
		stream.After = read[len(read)-1].Position
	}
	withdrawn := events.WithdrawnAt(q.withdrawals, math.MaxInt64)
	var hidden []byte
	for _, at := range slices.Sorted(maps.Keys(withdrawn)) {
		hidden = binary.AppendUvarint(hidden, uint64(at))
	}
	key.hidden = string(hidden)
	return p.line(key, withdrawn), nil
}

// foldOn folds the next events of a line, and leaves snapshots of them. Others that ask for the
// same events wait meanwhile, so that each is folded once.
func (h *History) foldOn(ctx context.Context, p *past, l *line, q question) error {
	select {
	case l.folding <- struct{}{}:
		defer func() { <-l.folding }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.covers(l, q) {
		return nil
	}
	last, through, limit := p.next(l, q.head)
	read, all, err := h.readFrom(ctx, q.campaign, last, through, time.Time{}, limit)
	if err != nil {
		return err
	}
	if through < q.head && len(read) >= foldPage/2 {
		all = false // as dense as was expected: the next ones are read so too
	}
	packer := newPacker(q.campaign, h.Projections)
	rows, err := packer.unpack(last)
	if err != nil {
		return err
	}
	reached, reachedAt := last.position, last.recordedAt
	var left []snapshot
	for first, i := 0, 0; i < len(read); i++ {
		reached, reachedAt = read[i].Position, read[i].RecordedAt
		n := i + 1 - first
		spacing := h.spacing(last.events, rows)
		due := n >= spacing || reached-last.position >= widest && n >= max(spacing/20, rows.Len()/4)
		if !due && (all || i+1 < len(read)) {
			continue
		}
		projections.Fold(rows, h.Projections, l.withdrawn.InEffect(read[first:i+1]))
		last = packer.pack(rows, snapshot{position: reached, recordedAt: reachedAt, events: last.events + n})
		left = append(left, last)
		first = i + 1
	}
	if all {
		if reached = through; through == q.head {
			reachedAt = q.headAt
		}
	}
	p.grow(l, left, reached, reachedAt)
	return nil
}

// widest is how many positions lie between two snapshots of a campaign that has many events,
// at most: to read the log between them takes about a millisecond for every thousand.
const widest = 4_000

// spacing returns how many events lie between two snapshots: more of a campaign that has more
// events or rows, so that snapshots neither grow without a bound nor take most of the time.
func (h *History) spacing(folded int, rows *readmodel.Rows) int {
	spacing := h.Spacing
	if spacing < 1 {
		spacing = DefaultSpacing
	}
	return max(spacing, folded/1_000, rows.Len()/4)
}

// answer folds the events from the last snapshot before the moment on, which are few.
func (h *History) answer(ctx context.Context, p *past, l *line, q question) (*readmodel.Rows, error) {
	s, bound, limit := p.before(l, q)
	packer, from := newPacker(q.campaign, h.Projections), s
	rows, err := packer.unpack(s)
	if err != nil {
		return nil, err
	}
	for all := false; !all; {
		read, last, err := h.readFrom(ctx, q.campaign, s, bound, q.at, limit)
		if err != nil {
			return nil, err
		}
		if all = last; len(read) > 0 {
			projections.Fold(rows, h.Projections, l.withdrawn.InEffect(read))
			end := read[len(read)-1]
			s = snapshot{position: end.Position, recordedAt: end.RecordedAt, events: s.events + len(read)}
		}
	}
	if s.events-from.events >= h.spacing(0, rows)/4 { // who asks once asks again, or for what lies beside it
		p.grow(l, []snapshot{packer.pack(rows, s)}, 0, time.Time{})
	}
	return rows, nil
}

// readFrom returns the first events of the campaign after a snapshot and through a position,
// and whether there are no others. [errNoStream] where the snapshot's last event is not there.
func (h *History) readFrom(ctx context.Context, c events.Campaign, from snapshot, through events.Position, asOf time.Time, limit int) (read []events.Recorded, all bool, err error) {
	if through = max(through, from.position); through == 0 {
		return nil, true, nil
	}
	stream := events.Stream{Campaign: c, After: max(0, from.position-1), Through: through, AsOf: asOf, Limit: limit + 1}
	if read, err = h.Log.ReadStream(ctx, stream); err != nil {
		return nil, false, err
	}
	bytes := 0
	for i := range read {
		bytes += events.SizeOf(read[i].Event)
	}
	// Of so few bytes the read has not left any out.
	all = len(read) < stream.Limit && bytes < events.MaxReadBytes/8
	if from.position > 0 {
		if len(read) == 0 || read[0].Position != from.position {
			return nil, false, errNoStream
		}
		read = read[1:]
	}
	return read, all || len(read) == 0, nil
}
