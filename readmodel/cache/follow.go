package cache

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// readCampaign gets a campaign from Redis, else from the rows.
func (c *Cache) readCampaign(ctx context.Context, name string, keep bool) (*answer, source, error) {
	campaign := events.Campaign(name)
	var instead string
	if c.redis != nil {
		a, unusable := c.lookUp(ctx, campaign)
		if a != nil {
			return a, fromRedis, nil
		}
		instead = unusable
	}
	floor, sent := c.history.floor(), time.Now()
	rows, err := c.inner.Campaign(ctx, campaign, readmodel.Everything())
	switch {
	case errors.Is(err, readmodel.ErrNotFound):
		a := newAnswer(name, floor, sent)
		a.missing = true
		return a, fromRows, nil
	case err != nil:
		return nil, fromRows, err
	}
	if c.redis != nil {
		if value, ok := appendValue(nil, campaign, rows); ok {
			c.redis.put(store{campaign: campaign, value: value, read: sent, keepTTL: !keep, instead: instead})
		}
	}
	return rowsAnswer(rows, name, sent), fromRows, nil
}

func rowsAnswer(rows readmodel.CampaignRows, name string, asOf time.Time) *answer {
	a := newAnswer(name, rows.Revision, asOf)
	a.rows, a.exact = rows, true
	return a
}

// lookUp returns what Redis has of the campaign if it can be proven current. What
// it has but can't be used at all is returned to be replaced.
func (c *Cache) lookUp(ctx context.Context, campaign events.Campaign) (a *answer, unusable string) {
	value, ok := c.redis.get(ctx, campaign)
	if !ok || isTombstone(value) {
		return nil, ""
	}
	rows, ok := decodeValue(value, campaign)
	if !ok {
		c.count.errors.Add(1)
		return nil, value
	}
	a = rowsAnswer(rows, string(campaign), time.Time{})
	p := c.history.prove(a)
	if since(time.Now(), p.asOf) > c.bound || p.through.Compare(c.history.known()) < 0 {
		return nil, "" // what has changed since may be served from here, but is not worth fetching
	}
	return a, ""
}

// readStore reads the campaigns of a shop.
func (c *Cache) readStore(ctx context.Context, name string, _ bool) (*answer, source, error) {
	floor, sent := c.history.floor(), time.Now()
	list, err := c.inner.ShopCampaigns(ctx, events.Shop(name), readmodel.Everything())
	if err != nil {
		return nil, fromRows, err
	}
	a := newAnswer(name, floor, sent)
	a.list, a.sweeping = list, true
	return a, fromRows, nil
}

// poll asks for the store's revision while somebody reads, until ctx ends.
func (c *Cache) poll(ctx context.Context) {
	every := min(pollEvery, c.bound/4)
	failing := false
	for c.traffic.wait(ctx, c.watchers.any) {
		sent, known := time.Now(), c.history.known()
		asking, cancel := context.WithTimeout(ctx, c.bound) // later, it proves nothing
		revision, err := c.inner.Revision(asking)
		cancel()
		switch {
		case err == nil:
			if failing {
				c.log.LogAttrs(ctx, slog.LevelInfo, "cache: the store's revision is known again")
			}
			failing = false
			c.polled(poll{sent, revision}, known)
		case ctx.Err() == nil:
			c.count.errors.Add(1)
			if !failing {
				c.log.LogAttrs(ctx, slog.LevelWarn, "cache: the store's revision is not known, answers are not kept", slog.Any("error", err))
			}
			failing = true
		}
		next := time.NewTimer(every - time.Since(sent))
		select {
		case <-next.C:
		case <-ctx.Done():
		}
		next.Stop()
	}
}

func (c *Cache) polled(p poll, known readmodel.Revision) {
	switch c.history.polled(p, known) {
	case nothing, extended:
	case ahead:
		c.anyMayHaveChanged()
	case gap:
		c.count.gaps.Add(1)
		c.anyMayHaveChanged()
	case lost:
		c.count.gaps.Add(1)
		c.log.LogAttrs(context.Background(), slog.LevelError, "cache: the store has gone back, all answers are dropped",
			slog.String("revision", p.revision.String()), slog.String("before", known.String()))
		c.campaigns.clear()
		c.stores.clear()
		c.anyMayHaveChanged()
	}
}

// notice takes in a commit and has what it changed refreshed where that is in use.
func (c *Cache) notice(ch readmodel.Change, delay time.Duration) {
	switch c.history.noticed(ch) {
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

// anyMayHaveChanged tells those who watch and has what they watch refreshed. What
// is read but not watched is refreshed as its age asks for it.
func (c *Cache) anyMayHaveChanged() {
	for _, name := range c.watchers.names() {
		c.watchers.signal(name)
		c.refresher.want(name, 0)
	}
}

// refreshAhead has an answer that could not be proven for a while refreshed before
// it is too old to be served.
func (c *Cache) refreshAhead(s *slot, a *answer, age time.Duration) {
	if age > c.bound/2 && !s.asked.Load() && s.asked.CompareAndSwap(false, true) && !c.refresher.want(a.name, 0) {
		s.asked.Store(false)
	}
}

// staleInRedis has a value that others may be using refreshed. What this process
// uses is being refreshed already.
func (c *Cache) staleInRedis(campaign events.Campaign) {
	name := string(campaign)
	slot := c.campaigns.get(name)
	if slot != nil && c.campaigns.inUse(slot, time.Now()) || c.watchers.has(name) {
		return
	}
	c.refresher.want(name, 0)
}

// refresh reads a campaign anew, for its slot if it has one, and for Redis.
func (c *Cache) refresh(name string) {
	c.count.refreshes.Add(1)
	watched := c.watchers.has(name)
	if err := c.campaigns.refresh(name, watched); err != nil && watched {
		c.refresher.want(name, 0) // somebody waits for it
	}
}

// sweep drops what nobody reads any more, until ctx ends.
func (c *Cache) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			c.campaigns.sweep(now, unusedFor)
			c.stores.sweep(now, unusedFor)
		case <-ctx.Done():
			return
		}
	}
}
