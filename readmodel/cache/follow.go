package cache

import (
	"context"
	"log/slog"
	"time"

	"jangbu/events"
	"jangbu/events/outage"
	"jangbu/readmodel"
)

// MaxNamed is the most campaigns that a notice names. A commit that changed more is a
// gap to every process, which costs less.
const MaxNamed = 10_000

// Committed records a commit of this process and announces it to the others. It must be
// called for every commit, in order and right after it; it never blocks. The caller must
// not change the campaigns afterwards.
func (c *Cache) Committed(ch readmodel.Change) {
	if ch.From == ch.To {
		return
	}
	ch = bounded(ch)
	c.notice(ch, 0)
	if c.shared != nil {
		c.shared.Announce(ch)
	}
}

// bounded returns the change, or a gap in its place where it names too many.
func bounded(ch readmodel.Change) readmodel.Change {
	if len(ch.Campaigns) > MaxNamed {
		return readmodel.Change{From: ch.To, To: ch.To}
	}
	return ch
}

// poll queries the store's revision while there are reads, until ctx ends.
func (c *Cache) poll(ctx context.Context) {
	every := min(pollEvery, c.bound/4)
	polls := outage.Log{
		Logger: c.logger, Level: slog.LevelWarn,
		Began: "cache: the store's revision is not known, entries are not kept",
		Ended: "cache: the store's revision is known again",
	}
	for c.traffic.wait(ctx, c.watchers.any) {
		sent, highest := time.Now(), c.revisions.highest()
		query, cancel := context.WithTimeout(ctx, c.bound) // later, it proves nothing
		revision, err := c.inner.Revision(query)
		cancel()
		c.absence.note(sent, err)
		switch {
		case err == nil:
			polls.Succeeded(ctx)
			c.polled(poll{sent, revision}, highest)
		case ctx.Err() == nil:
			polls.Failed(ctx, err)
			c.count.errors.Add(1)
		}
		select {
		case <-time.After(every - time.Since(sent)):
		case <-ctx.Done():
		}
	}
}

func (c *Cache) polled(p poll, highest readmodel.Revision) {
	switch c.revisions.polled(p, highest) {
	case nothing, extended:
	case ahead:
		c.anyMayHaveChanged()
	case gap:
		c.count.gaps.Add(1)
		c.anyMayHaveChanged()
	case lost:
		c.wentBack(p.revision, highest)
	}
}

// wentBack drops all entries: they may be of a past that the store has lost.
func (c *Cache) wentBack(to, from readmodel.Revision) {
	c.count.gaps.Add(1)
	c.logger.LogAttrs(context.Background(), slog.LevelError, "cache: the store went back, all entries are dropped",
		slog.String("revision", to.String()), slog.String("before", from.String()))
	c.campaigns.clear()
	c.owners.clear()
	c.shops.clear()
	c.anyMayHaveChanged()
}

// notice records a commit and refreshes what it changed and is in use here.
func (c *Cache) notice(ch readmodel.Change, delay time.Duration) {
	switch c.revisions.noticed(ch) {
	case extended:
	case gap:
		c.count.gaps.Add(1)
		c.anyMayHaveChanged()
	case nothing, ahead, lost:
		return
	}
	c.count.notices.Add(1)
	now := time.Now()
	watched := c.watchers.any()
	for _, campaign := range ch.Campaigns {
		name := string(campaign)
		slot := c.campaigns.get(name)
		if watched && c.watchers.signal(name) || slot != nil && c.campaigns.inUse(slot, now) {
			c.refresher.want(name, delay)
		}
	}
}

// anyMayHaveChanged signals all watchers and refreshes what they watch. What is read but
// not watched is refreshed as its age requires.
func (c *Cache) anyMayHaveChanged() {
	for _, name := range c.watchers.names() {
		c.watchers.signal(name)
		c.refresher.want(name, 0)
	}
}

// refreshAhead refreshes an entry that was not proven for a while, before it is too old
// to be served.
func (c *Cache) refreshAhead(s *slot, e *entry, age time.Duration) {
	if age > c.bound/2 && !s.asked.Load() && s.asked.CompareAndSwap(false, true) && !c.refresher.want(e.name, 0) {
		s.asked.Store(false)
	}
}

// staleShared refreshes shared rows that other processes may be using. What this process
// uses is being refreshed already.
func (c *Cache) staleShared(campaign events.Campaign) {
	name := string(campaign)
	if slot := c.campaigns.get(name); (slot == nil || !c.campaigns.inUse(slot, time.Now())) && !c.watchers.has(name) {
		c.refresher.want(name, 0)
	}
}

// refresh loads a campaign anew, for its slot if it has one, and for the shared level.
func (c *Cache) refresh(name string) {
	c.count.refreshes.Add(1)
	watched := c.watchers.has(name)
	if err := c.campaigns.refresh(name, watched); err != nil && watched {
		c.refresher.want(name, 0) // a watcher waits for it
	}
}

// sweep drops what is not read any more, until ctx ends.
func (c *Cache) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			if c.Away() { // it may be asked for what was last read
				continue
			}
			c.campaigns.sweep(now, unreadFor)
			c.owners.sweep(now, unreadFor)
			c.shops.sweep(now, unreadFor)
		case <-ctx.Done():
			return
		}
	}
}
