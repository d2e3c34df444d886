package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	// DefaultBound is how old an answer may be, less than the second that a
	// dashboard is allowed (I9).
	DefaultBound = 900 * time.Millisecond
	// maxBound is the first bound that is too long.
	maxBound = time.Second
	// DefaultMaxEntries is how many campaigns a process keeps.
	DefaultMaxEntries = 10_000

	// pollEvery is how often the store's revision is asked for while somebody reads.
	pollEvery = 200 * time.Millisecond
	// refreshPause is the least time between two refreshes of one campaign.
	refreshPause = 250 * time.Millisecond
	// headStart is for the process that commits to refresh Redis, before the others
	// look there.
	headStart = 50 * time.Millisecond
	// inUseFor is for how long after a read a campaign is refreshed when it changes.
	inUseFor = 2 * time.Second
	// unusedFor is for how long a campaign is kept that nobody reads.
	unusedFor = time.Minute
	// sweepEvery is how often those are looked for.
	sweepEvery = 10 * time.Second
)

// Config says what to keep, and where.
type Config struct {
	// Inner reads the rows.
	Inner readmodel.Reader
	// Client is of the Redis that processes share, made of [Options]. It is not
	// closed. Nil: there is none, answers are kept in this process only.
	Client redis.UniversalClient
	Logger *slog.Logger

	Bound      time.Duration // less than a second; 0: DefaultBound
	MaxEntries int           // 0: DefaultMaxEntries
}

// Cache is a [readmodel.Reader] that keeps what it has read. Make one with [Open].
// What it returns is shared between its callers, who must not change it. It is safe
// for concurrent use.
type Cache struct {
	inner   readmodel.Reader
	bound   time.Duration
	log     *slog.Logger
	history *history

	campaigns *shelf
	stores    *shelf
	redis     *link // nil: there is none

	refresher *refresher
	watchers  watchers
	traffic   *traffic
	count     counters
	life      *life
}

var (
	_ readmodel.Reader    = (*Cache)(nil)
	_ readmodel.Freshness = (*Cache)(nil)
)

// Open returns a cache at work. It needs neither rows nor Redis to be there yet. The
// context's values are kept, its end is not: Close ends the cache.
func Open(ctx context.Context, cfg Config) (*Cache, error) {
	if cfg.Bound == 0 {
		cfg.Bound = DefaultBound
	}
	if cfg.MaxEntries == 0 {
		cfg.MaxEntries = DefaultMaxEntries
	}
	switch {
	case cfg.Inner == nil, cfg.Logger == nil:
		return nil, errors.New("open cache: inner reader and logger are required")
	case cfg.Bound < 0 || cfg.Bound >= maxBound:
		return nil, fmt.Errorf("open cache: bound is %v, expected less than %v", cfg.Bound, maxBound)
	case cfg.MaxEntries < 0:
		return nil, fmt.Errorf("open cache: at most %d entries make no sense", cfg.MaxEntries)
	}
	c := &Cache{
		inner: cfg.Inner, bound: cfg.Bound, log: cfg.Logger,
		history: newHistory(cfg.Bound, max(2*cfg.MaxEntries, maxNamed)),
		traffic: newTraffic(), life: newLife(ctx),
	}
	c.campaigns = c.newShelf(cfg.MaxEntries, c.readCampaign)
	c.campaigns.changed = func(name string) { c.watchers.signal(name) }
	c.stores = c.newShelf(max(cfg.MaxEntries/10, 1), c.readStore)
	c.refresher = newRefresher(min(refreshPause, cfg.Bound/3), 2*cfg.MaxEntries, c.refresh)

	c.life.begin(c.poll)
	c.life.begin(c.refresher.run)
	c.life.begin(c.sweep)
	if cfg.Client != nil {
		c.redis = newLink(cfg.Client, c.life, &c.count, cfg.Logger)
		for range lookers {
			c.life.begin(c.redis.look)
		}
		c.life.begin(c.redis.keep)
		c.life.begin(func(ctx context.Context) { c.redis.announce(ctx, c.staleInRedis) })
		c.life.begin(func(ctx context.Context) {
			c.redis.listen(ctx, func(ch readmodel.Change) { c.notice(ch, headStart) })
		})
	}
	return c, nil
}

func (c *Cache) newShelf(most int, read func(context.Context, string, bool) (*answer, source, error)) *shelf {
	return &shelf{
		table: newTable(most), bound: c.bound, life: c.life, prove: c.history.prove, read: read,
		changed: func(string) {}, flights: make(map[string]*flight),
	}
}

// Close ends what the cache does by itself and waits for it. Reads that need the
// rows return [ErrClosed] from then on.
func (c *Cache) Close() { c.life.close() }

// Campaign implements [readmodel.Reader].
func (c *Cache) Campaign(ctx context.Context, campaign events.Campaign, by readmodel.Scope) (readmodel.CampaignRows, error) {
	begun := time.Now()
	c.traffic.seen(begun)
	slot, a, age := c.campaigns.find(string(campaign), begun)
	from := fromProcess
	if a == nil {
		var err error
		if a, from, err = c.campaigns.fetch(ctx, string(campaign), begun); err != nil {
			return readmodel.CampaignRows{}, err
		}
	} else {
		c.refreshAhead(slot, a, age)
	}
	c.count.served(from)
	return a.campaign(by)
}

// ShopCampaigns implements [readmodel.Reader].
func (c *Cache) ShopCampaigns(ctx context.Context, shop events.Shop, by readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	if !by.AllowsShop(shop) {
		return nil, nil
	}
	begun := time.Now()
	c.traffic.seen(begun)
	_, a, _ := c.stores.find(string(shop), begun)
	from := fromProcess
	if a == nil {
		var err error
		if a, from, err = c.stores.fetch(ctx, string(shop), begun); err != nil {
			return nil, err
		}
	}
	c.count.served(from)
	return a.campaigns(by), nil
}

// Revision implements [readmodel.Reader]. It is never kept.
func (c *Cache) Revision(ctx context.Context) (readmodel.Revision, error) {
	return c.inner.Revision(ctx)
}

// Current implements [readmodel.Freshness]. It counts as a read of the campaign.
func (c *Cache) Current(campaign events.Campaign, at readmodel.Revision) bool {
	now := time.Now()
	c.traffic.seen(now)
	var here readmodel.Revision
	if slot := c.campaigns.get(string(campaign)); slot != nil {
		c.campaigns.touch(slot, now)
		a := slot.answer.Load()
		if here = a.rows.Revision; a.exact && here == at {
			age := since(now, c.history.prove(a).asOf)
			if age > c.bound {
				return false
			}
			c.refreshAhead(slot, a, age)
			return true
		}
	}
	return since(now, c.history.current(campaign, at, here)) <= c.bound
}

// Committed takes notice of a commit of this process, and tells the others. It must
// be called for every commit, in order and right after it; it does not wait for
// anything. The campaigns must not be changed afterwards.
func (c *Cache) Committed(ch readmodel.Change) {
	if ch.From == ch.To {
		return
	}
	ch = bounded(ch)
	c.notice(ch, 0)
	if c.redis == nil {
		return
	}
	select {
	case c.redis.changes <- ch:
	default:
		c.count.dropped.Add(1)
	}
}
