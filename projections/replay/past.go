package replay

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// past is what a [History] keeps of one history of a log: lines of snapshots. It is safe for
// concurrent use.
type past struct {
	max int

	mu    sync.Mutex
	mark  events.Mark // a link of the chain, at or after all that is kept; guarded by mu
	lines map[lineKey]*line
	bytes int // of all lines; guarded by mu
	uses  int // counts questions; guarded by mu
	// ours are the generations whose checkpoint was found in the log; guarded by mu.
	ours map[generation]bool
}

// generation is one generation of a projection.
type generation struct {
	projection string
	number     readmodel.Generation
}

// lineKey says which fold the snapshots of a line are of.
type lineKey struct {
	campaign events.Campaign
	// overwritten says which erasures the campaign has: the events were read after them.
	overwritten [sha256.Size]byte
	// hidden are the positions that are withdrawn, and so not folded. What is withdrawn later is in
	// the line of the moments before, and not in that of those after.
	hidden string
}

// line holds snapshots of one fold of a campaign's stream, and how far the stream is known.
type line struct {
	key       lineKey
	withdrawn events.Withdrawn
	folding   chan struct{} // holds a value while the line is folded on

	// Guarded by past.mu:
	snapshots []snapshot      // ascending
	near      []snapshot      // ascending: after snapshots that are stored, however far apart
	through   events.Position // up to where no event but those after the last snapshot is unknown,
	throughAt time.Time       // and a time that is not after any later event's
	bytes     int
	used      int  // the number of the last use
	gone      bool // no longer among the lines
}

const (
	// lineBytes is what a line occupies without snapshots.
	lineBytes = 512
	// maxLines is how many lines are kept: a new one is compared with all.
	maxLines = 4_096
)

func newPast(mark events.Mark, bytes int) *past {
	return &past{max: cmp.Or(bytes, DefaultHistoryBytes), mark: mark, lines: make(map[lineKey]*line), ours: make(map[generation]bool)}
}

// known returns a mark at or after all that is kept.
func (p *past) known() events.Mark {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mark
}

// learn notes a later mark of the same history.
func (p *past) learn(m events.Mark) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.Position > p.mark.Position {
		p.mark = m
	}
}

// line returns the line with the key. A new one begins with what other lines of the campaign
// hold up to the first event that only one of both leaves out. Lines from before an erasure are
// dropped.
func (p *past) line(key lineKey, withdrawn events.Withdrawn) *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.uses++
	if l := p.lines[key]; l != nil {
		l.used = p.uses
		return l
	}
	l := &line{key: key, withdrawn: withdrawn, folding: make(chan struct{}, 1), used: p.uses, bytes: lineBytes}
	for _, other := range p.lines {
		switch {
		case other.key.campaign != key.campaign:
		case other.key.overwritten != key.overwritten:
			p.drop(other)
		default:
			l.adopt(other)
		}
	}
	p.lines[key] = l
	p.bytes += l.bytes
	p.bound(l)
	return l
}

// adopt takes what another line has in common with l, where that is more than l has.
func (l *line) adopt(other *line) {
	until := firstDifference(l.withdrawn, other.withdrawn) - 1
	through, throughAt := other.through, other.throughAt
	n, _ := slices.BinarySearchFunc(other.snapshots, until+1, snapshot.compare)
	if until < through {
		through, throughAt = until, time.Time{}
		if n > 0 {
			throughAt = other.snapshots[n-1].recordedAt
		}
	}
	if through <= l.through {
		return
	}
	l.through, l.throughAt = through, throughAt
	l.snapshots, l.bytes = slices.Clone(other.snapshots[:n]), lineBytes
	for _, s := range l.snapshots {
		l.bytes += s.size()
	}
}

// firstDifference returns the first position that is withdrawn in one and not in the other.
func firstDifference(a, b events.Withdrawn) events.Position {
	first := events.Position(math.MaxInt64)
	for _, both := range [][2]events.Withdrawn{{a, b}, {b, a}} {
		for at := range both[0] {
			if _, also := both[1][at]; !also {
				first = min(first, at)
			}
		}
	}
	return first
}

// covers reports whether all events through the moment are known but those after a snapshot.
func (p *past) covers(l *line, q question) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.until(q) < len(l.snapshots) || q.position > 0 && q.position <= l.through || q.position == 0 && q.at.Before(l.throughAt)
}

// until returns how many snapshots of the line are not after the moment.
func (l *line) until(q question) int { return until(l.snapshots, q) }

func until(some []snapshot, q question) int {
	n, _ := slices.BinarySearchFunc(some, q, func(s snapshot, q question) int {
		if q.position > 0 && s.position <= q.position || q.position == 0 && !s.recordedAt.After(q.at) {
			return -1
		}
		return 1
	})
	return n
}

// before returns the last snapshot that is not after the moment, a position at or after the last
// event of the moment, and how many events lie between them at most, or about.
func (p *past) before(l *line, q question) (s snapshot, bound events.Position, limit int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := l.until(q)
	if n > 0 {
		s = l.snapshots[n-1]
	}
	bound, limit = l.through, fewEvents
	if n < len(l.snapshots) {
		bound, limit = l.snapshots[n].position-1, l.snapshots[n].events-s.events
	}
	if q.position > 0 {
		bound = min(bound, q.position)
	}
	return s, bound, limit
}

// next returns the last snapshot of a line, up to where the next events are read, and how many.
func (p *past) next(l *line, head events.Position) (last snapshot, through events.Position, limit int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(l.snapshots)
	if n > 0 {
		last = l.snapshots[n-1]
	}
	if n == 0 || l.through > last.position { // the others may be few
		return last, head, fewEvents
	}
	var previous snapshot
	if n > 1 {
		previous = l.snapshots[n-2]
	}
	n = max(1, last.events-previous.events)
	each := (last.position - previous.position + events.Position(n-1)) / events.Position(n)
	if each > apart {
		return last, head, 5 * foldPage // to find some costs what it costs to find many
	}
	return last, min(head, last.position+each*foldPage), foldPage
}

// grow adds snapshots to a line, and how far it is known.
func (p *past) grow(l *line, by []snapshot, through events.Position, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := l.bytes
	for _, s := range by {
		if i, there := slices.BinarySearchFunc(l.snapshots, s.position, snapshot.compare); !there {
			l.snapshots = slices.Insert(l.snapshots, i, s)
			l.bytes += s.size()
		}
	}
	if through > l.through {
		l.through, l.throughAt = through, at
	}
	// One campaign may have a quarter of all.
	for l.bytes > p.max/4 && len(l.snapshots) > 1 {
		l.thin()
	}
	if !l.gone {
		p.bytes += l.bytes - before
		p.bound(l)
	}
}

// nearest returns the last snapshot not after the moment that followed a stored one.
func (p *past) nearest(l *line, q question) snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := until(l.near, q); n > 0 {
		return l.near[n-1]
	}
	return snapshot{}
}

// keepNear keeps snapshots that follow stored ones.
func (p *past) keepNear(l *line, some []snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := l.bytes
	for _, s := range some {
		if i, there := slices.BinarySearchFunc(l.near, s.position, snapshot.compare); !there {
			l.near = slices.Insert(l.near, i, s)
			l.bytes += s.size()
		}
	}
	if l.bytes > p.max/4 {
		for _, s := range l.near {
			l.bytes -= s.size()
		}
		l.near = nil
	}
	if !l.gone {
		p.bytes += l.bytes - before
		p.bound(l)
	}
}

// thin drops every other snapshot, but not the last.
func (l *line) thin() {
	left := l.snapshots[:0]
	l.bytes = lineBytes
	for _, s := range l.near {
		l.bytes += s.size()
	}
	for i, s := range l.snapshots {
		if (len(l.snapshots)-1-i)%2 == 0 {
			left = append(left, s)
			l.bytes += s.size()
		}
	}
	clear(l.snapshots[len(left):])
	l.snapshots = left
}

// bound drops the lines that were not used for longest until the others are within the bound;
// p.mu is held.
func (p *past) bound(keep *line) {
	for (p.bytes > p.max || len(p.lines) > maxLines) && len(p.lines) > 1 {
		var oldest *line
		for _, l := range p.lines {
			if l != keep && (oldest == nil || l.used < oldest.used) {
				oldest = l
			}
		}
		p.drop(oldest)
	}
}

// drop drops a line; p.mu is held.
func (p *past) drop(l *line) {
	if l.gone {
		return
	}
	l.gone = true
	delete(p.lines, l.key)
	p.bytes -= l.bytes
}

// judge drops the line where the error is that its events are no longer the campaign's. It
// returns the error.
func (p *past) judge(l *line, err error) error {
	if errors.Is(err, errNoStream) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.drop(l)
	}
	return err
}
