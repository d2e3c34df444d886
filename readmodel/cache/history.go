package cache

import (
	"sync"
	"sync/atomic"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// poll is a look at the store's revision: whatever a read that ended before it was
// sent has returned is of no later one.
type poll struct {
	sent     time.Time
	revision readmodel.Revision
}

// state is what the history says at one moment, for those who only want to know
// whether it has changed.
type state struct {
	polls []poll // newest first, none older than the bound
}

// history is what is known of the store's past: the latest polls, and which
// campaigns each commit changed, without a gap from since to covered.
type history struct {
	bound time.Duration
	most  int // campaigns that are kept, twice

	state atomic.Pointer[state] // written under mu

	mu      sync.Mutex
	begun   bool // by the first poll
	since   readmodel.Revision
	middle  readmodel.Revision // where old ends and young begins
	covered readmodel.Revision
	old     map[events.Campaign]readmodel.Revision // last named by the commit to it
	young   map[events.Campaign]readmodel.Revision
	told    readmodel.Revision // highest that was reported as ahead
}

// outcome says what a poll or a notice has led to.
type outcome int

const (
	nothing  outcome = iota // nothing new
	extended                // one more commit is known
	ahead                   // there are commits that no notice has told of, yet
	gap                     // notices are missing: what was not read since may have changed
	lost                    // commits are: the store has gone back
)

func newHistory(bound time.Duration, most int) *history {
	h := &history{bound: bound, most: most}
	h.state.Store(&state{})
	return h
}

// floor returns a revision that no read that begins now can be older than.
func (h *history) floor() readmodel.Revision {
	if polls := h.state.Load().polls; len(polls) > 0 {
		return polls[0].revision
	}
	return readmodel.Revision{}
}

// known returns the revision up to which there is no gap. A poll that is sent now
// can't find an earlier one.
func (h *history) known() readmodel.Revision {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.covered
}

// polled takes in a poll, and what was known when it was sent.
func (h *history) polled(p poll, known readmodel.Revision) outcome {
	h.mu.Lock()
	defer h.mu.Unlock()
	polls := h.state.Load().polls
	result := nothing
	switch {
	case !h.begun:
		h.begun = true
		h.restart(p.revision)
	case p.revision.Compare(known) < 0 || len(polls) > 0 && p.revision.Compare(polls[0].revision) < 0:
		h.restart(p.revision)
		polls, h.told, result = nil, readmodel.Revision{}, lost
	case p.revision.Incarnation != h.covered.Incarnation:
		h.restart(p.revision)
		polls, result = nil, gap
	}
	kept, missed := []poll{p}, false
	for _, old := range polls {
		if since(p.sent, old.sent) <= h.bound {
			kept = append(kept, old)
		} else if old.revision.Compare(h.covered) > 0 {
			missed = true // a notice that comes now is of no use to anybody
		}
	}
	if missed {
		h.restart(p.revision)
		result = gap
	}
	if result == nothing && p.revision.Compare(h.covered) > 0 && p.revision.Compare(h.told) > 0 {
		h.told, result = p.revision, ahead
	}
	h.state.Store(&state{polls: kept})
	return result
}

// noticed takes in a notice.
func (h *history) noticed(ch readmodel.Change) outcome {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.begun || ch.To.Incarnation != h.covered.Incarnation || // of another store, or nobody reads here
		ch.From.Compare(ch.To) > 0 || ch.To.Compare(h.covered) <= 0 {
		return nothing
	}
	result := extended
	switch {
	case ch.From.Incarnation != ch.To.Incarnation || ch.From.Edits != ch.To.Edits:
		// More than the named campaigns may have changed.
		h.restart(ch.To)
		result = gap
	case ch.From.Compare(h.covered) > 0:
		h.restart(ch.From)
		result = gap
	}
	if len(h.young) >= h.most {
		h.since, h.middle = h.middle, h.covered
		h.old, h.young = h.young, make(map[events.Campaign]readmodel.Revision)
	}
	for _, c := range ch.Campaigns {
		h.young[c] = ch.To
	}
	h.covered = ch.To
	h.state.Store(&state{polls: h.state.Load().polls})
	return result
}

// restart forgets what there was before a revision.
func (h *history) restart(at readmodel.Revision) {
	h.since, h.middle, h.covered = at, at, at
	h.old, h.young = nil, make(map[events.Campaign]readmodel.Revision)
}

// prove returns what is known of the answer by now.
func (h *history) prove(a *answer) *proof {
	for {
		p, s := a.proof.Load(), h.state.Load()
		if p.seen == s || len(s.polls) == 0 || !s.polls[0].sent.After(p.asOf) {
			return p
		}
		next := &proof{through: p.through, asOf: p.asOf}
		h.mu.Lock()
		next.seen = h.state.Load()
		if !a.sweeping {
			next.through = h.unchanged(events.Campaign(a.name), p.through)
		}
		h.mu.Unlock()
		if t := next.seen.current(next.through); t.After(next.asOf) {
			next.asOf = t
		}
		if a.proof.CompareAndSwap(p, next) {
			return next
		}
	}
}

// current returns the latest moment as of which rows of the campaign that were
// read at a revision are known to be current. Zero: none is, or they are known to
// have changed since, or not known to be the same at the least revision.
func (h *history) current(c events.Campaign, at, least readmodel.Revision) time.Time {
	h.mu.Lock()
	s, through, covered := h.state.Load(), h.unchanged(c, at), h.covered
	h.mu.Unlock()
	if through.Compare(covered) < 0 || through.Compare(least) < 0 {
		return time.Time{}
	}
	return s.current(through)
}

// unchanged returns the highest revision that the campaign's rows are known to
// be the same at as at the given one.
func (h *history) unchanged(c events.Campaign, at readmodel.Revision) readmodel.Revision {
	if at.Compare(h.since) < 0 || at.Compare(h.covered) > 0 {
		return at
	}
	named, ok := h.young[c]
	if !ok {
		named = h.old[c]
	}
	if named.Compare(at) > 0 {
		return at
	}
	return h.covered
}

// current returns when the newest poll was sent that found nothing later than a
// revision. Zero: there is none.
func (s *state) current(through readmodel.Revision) time.Time {
	for _, p := range s.polls {
		if p.revision.Incarnation == through.Incarnation && p.revision.Compare(through) <= 0 {
			return p.sent
		}
	}
	return time.Time{}
}
