package cache

import (
	"sync"
	"sync/atomic"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// poll is one query of the store's revision: a read that ended before sent returned
// rows of no later one.
type poll struct {
	sent     time.Time
	revision readmodel.Revision
}

// logState is the state of a revision log at one moment. It is immutable; another
// pointer means that the log has changed.
type logState struct {
	polls []poll // newest first, none older than the bound
}

// revisionLog records the latest revisions of the store: polls, and which campaigns each
// commit changed, without a gap from since to covered.
//
// Two maps, of which the older is dropped when the younger is full, bound what it
// remembers. A golang-lru in their place takes 6.9 ms instead of 2.2 for a commit of
// 10,000 campaigns, and 7.3 µs instead of 5.3 for one of 100.
type revisionLog struct {
	bound time.Duration
	most  int // campaigns of one map

	state atomic.Pointer[logState] // written under mu

	mu       sync.Mutex // guards all below
	begun    bool       // by the first poll
	since    readmodel.Revision
	middle   readmodel.Revision // where old ends and young begins
	covered  readmodel.Revision
	reached  readmodel.Revision                     // the highest one that a poll, a notice or a read of the rows had
	old      map[events.Campaign]readmodel.Revision // of the latest commit that named each
	young    map[events.Campaign]readmodel.Revision
	reported readmodel.Revision // the highest one that was reported as ahead
}

// outcome is what a poll or a notice has led to.
type outcome int

const (
	nothing  outcome = iota // nothing new
	extended                // one more commit is known
	ahead                   // the store has commits without a notice so far
	gap                     // notices are missing: any entry that was read before may be outdated
	lost                    // the store went back
)

func newRevisionLog(bound time.Duration, most int) *revisionLog {
	l := &revisionLog{bound: bound, most: most}
	l.state.Store(&logState{})
	return l
}

// floor returns a revision that no read from now on is older than.
func (l *revisionLog) floor() readmodel.Revision {
	if polls := l.state.Load().polls; len(polls) > 0 {
		return polls[0].revision
	}
	return readmodel.Revision{}
}

// known returns the revision up to which there is no gap.
func (l *revisionLog) known() readmodel.Revision {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.covered
}

// highest returns a revision that the store has reached. A poll or a read that is sent from
// now on cannot find an earlier one, unless the store went back.
func (l *revisionLog) highest() readmodel.Revision {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reached
}

// read records the revision of rows that were read. highest is what was reached when the
// read was sent.
func (l *revisionLog) read(at, highest readmodel.Revision) outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.Compare(highest) < 0 {
		l.lose(at)
		l.state.Store(&logState{})
		return lost
	}
	l.reach(at)
	return nothing
}

// polled records a poll. highest is what was reached when it was sent.
func (l *revisionLog) polled(p poll, highest readmodel.Revision) outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	polls := l.state.Load().polls
	result := nothing
	switch {
	case !l.begun:
		l.begun = true
		l.restart(p.revision)
	case p.revision.Compare(highest) < 0 || len(polls) > 0 && p.revision.Compare(polls[0].revision) < 0:
		l.lose(p.revision)
		polls, result = nil, lost
	case p.revision.Incarnation != l.covered.Incarnation:
		l.restart(p.revision)
		polls, result = nil, gap
	}
	l.reach(p.revision)
	recent, missed := []poll{p}, false
	for _, earlier := range polls {
		if Since(p.sent, earlier.sent) <= l.bound {
			recent = append(recent, earlier)
		} else if earlier.revision.Compare(l.covered) > 0 {
			missed = true // its notice is of no use any more
		}
	}
	if missed {
		l.restart(p.revision)
		result = gap
	}
	if result == nothing && p.revision.Compare(l.covered) > 0 && p.revision.Compare(l.reported) > 0 {
		l.reported, result = p.revision, ahead
	}
	l.state.Store(&logState{polls: recent})
	return result
}

// noticed records a notice.
func (l *revisionLog) noticed(ch readmodel.Change) outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.begun || ch.To.Incarnation != l.covered.Incarnation || // no reads here, or of another store
		ch.From.Compare(ch.To) > 0 || ch.To.Compare(l.covered) <= 0 {
		return nothing
	}
	result := extended
	switch {
	case ch.From.Incarnation != ch.To.Incarnation || ch.From.Edits != ch.To.Edits:
		// More than the named campaigns may have changed.
		l.restart(ch.To)
		result = gap
	case ch.From.Compare(l.covered) > 0:
		l.restart(ch.From)
		result = gap
	}
	if len(l.young) >= l.most {
		l.since, l.middle = l.middle, l.covered
		l.old, l.young = l.young, make(map[events.Campaign]readmodel.Revision)
	}
	for _, c := range ch.Campaigns {
		l.young[c] = ch.To
	}
	l.covered = ch.To
	l.reach(ch.To)
	l.state.Store(&logState{polls: l.state.Load().polls})
	return result
}

// reach records a revision that the store has reached. It requires mu.
func (l *revisionLog) reach(at readmodel.Revision) {
	if at.Compare(l.reached) > 0 {
		l.reached = at
	}
}

// lose forgets all revisions: the store went back to this one. It requires mu.
func (l *revisionLog) lose(at readmodel.Revision) {
	l.restart(at)
	l.reached, l.reported = at, readmodel.Revision{}
}

// restart forgets what came before a revision. It requires mu.
func (l *revisionLog) restart(at readmodel.Revision) {
	l.since, l.middle, l.covered = at, at, at
	l.old, l.young = nil, make(map[events.Campaign]readmodel.Revision)
}

// prove returns the entry's proof by what is known now.
func (l *revisionLog) prove(e *entry) *proof {
	for {
		p, s := e.proof.Load(), l.state.Load()
		if p.seen == s || len(s.polls) == 0 || !s.polls[0].sent.After(p.asOf) {
			return p
		}
		next := &proof{through: p.through, asOf: p.asOf}
		l.mu.Lock()
		next.seen = l.state.Load()
		if e.exact || e.missing { // notices name campaigns, not shops
			next.through = l.unchanged(events.Campaign(e.name), p.through)
		}
		current := l.currentAt(next.through)
		l.mu.Unlock()
		if t := current; t.After(next.asOf) {
			next.asOf = t
		}
		if e.proof.CompareAndSwap(p, next) {
			return next
		}
	}
}

// current returns the latest moment as of which rows of the campaign that were read at
// a revision are known to be current. It is zero where there is none, where the rows are
// known to have changed, or where they are not known to be the same at the least revision.
func (l *revisionLog) current(c events.Campaign, at, least readmodel.Revision) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	through := l.unchanged(c, at)
	if through.Compare(l.covered) < 0 || through.Compare(least) < 0 {
		return time.Time{}
	}
	return l.currentAt(through)
}

// unchanged returns the highest revision up to which the campaign's rows are known to
// be those of the given one. It requires mu.
func (l *revisionLog) unchanged(c events.Campaign, at readmodel.Revision) readmodel.Revision {
	if at.Compare(l.since) < 0 || at.Compare(l.covered) > 0 {
		return at
	}
	named, ok := l.young[c]
	if !ok {
		named = l.old[c]
	}
	if named.Compare(at) > 0 {
		return at
	}
	return l.covered
}

// currentAt returns when the newest poll was sent that found nothing later than a
// revision, the zero time where there is none. A revision that the store has not reached is
// of a past that was lost, not of the future (I13). It requires mu.
func (l *revisionLog) currentAt(through readmodel.Revision) time.Time {
	if through.Compare(l.reached) > 0 {
		return time.Time{}
	}
	for _, p := range l.state.Load().polls {
		if p.revision.Incarnation == through.Incarnation && p.revision.Compare(through) <= 0 {
			return p.sent
		}
	}
	return time.Time{}
}
