package cache

import (
	"context"
	"errors"
	"sync"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// awayAfter is after how long without an answer of the rows no read waits for one.
const awayAfter = 2 * time.Second

// absence is whether the rows are away, by polls and reads.
type absence struct {
	mu    sync.Mutex
	began time.Time // when they were first found away; zero: they are there
	known time.Time // when a poll or a read was last sent that they answered; zero: never
}

// note records what a poll or a read that was sent at a moment led to.
func (a *absence) note(sent time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil, errors.Is(err, readmodel.ErrNotFound), errors.Is(err, readmodel.ErrRebuilding):
		a.began = time.Time{}
		if sent.After(a.known) {
			a.known = sent
		}
	case a.began.IsZero() && sent.After(a.known) && (errors.Is(err, events.ErrAway) || errors.Is(err, context.DeadlineExceeded)):
		a.began = sent
	}
}

// now returns when the rows were first found away, the zero time where they are there, and when they
// were there last.
func (a *absence) now() (began, known time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.began, a.known
}

// Away implements [readmodel.Last].
func (c *Cache) Away() bool {
	began, _ := c.absence.now()
	return !began.IsZero() && Since(time.Now(), began) > awayAfter
}

// Last implements [readmodel.Last]. What the process has goes before what is shared.
func (c *Cache) Last(ctx context.Context, campaign events.Campaign, by readmodel.Scope) (readmodel.CampaignRows, time.Time, bool) {
	now := time.Now()
	c.traffic.seen(now) // polls find out when the rows are there again
	began, known := c.absence.now()
	if began.IsZero() || Since(now, began) > c.serveStale {
		return readmodel.CampaignRows{}, time.Time{}, false
	}
	e, since := c.lastOf(ctx, campaign)
	if e == nil || !e.allows(by) {
		return readmodel.CampaignRows{}, time.Time{}, false
	}
	for _, t := range []time.Time{known, began} { // a shared value does not say since when it is
		if since.IsZero() {
			since = t
		}
	}
	return e.rows, since, true
}

// lastOf returns what was last read of a campaign, and as of when it was current; the zero time
// where that is not known.
func (c *Cache) lastOf(ctx context.Context, campaign events.Campaign) (*entry, time.Time) {
	if slot := c.campaigns.get(string(campaign)); slot != nil {
		e := slot.entry.Load()
		return e, c.revisions.prove(e).asOf
	}
	if c.shared == nil {
		return nil, time.Time{}
	}
	rows, _, ok := c.shared.Get(ctx, campaign)
	reached := c.revisions.highest()
	// Of another history than the rows had when they were there, it is none of theirs (I13).
	if !ok || reached != (readmodel.Revision{}) && rows.Revision.Incarnation != reached.Incarnation {
		return nil, time.Time{}
	}
	return rowsEntry(string(campaign), rows, time.Time{}), time.Time{}
}
