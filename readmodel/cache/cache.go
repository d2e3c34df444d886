package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	// DefaultBound is how old an entry may be when it is served, less than the second
	// that a dashboard is allowed (I9).
	DefaultBound = 900 * time.Millisecond
	// DefaultMaxEntries is how many campaigns a process keeps.
	DefaultMaxEntries = 10_000

	// pollEvery is the time between two polls of the store's revision.
	pollEvery = 200 * time.Millisecond
	// refreshPause is the least time between two refreshes of one campaign.
	refreshPause = 250 * time.Millisecond
	// headStart is how long a refresh waits after another process's commit, so that
	// that process can share the rows first. Where that takes longer they are read once more,
	// and still written to Redis once.
	headStart = 10 * time.Millisecond
	// inUseFor is how long after a read a campaign is refreshed when it changes.
	inUseFor = 2 * time.Second
	// unreadFor is how long a campaign is kept without a read.
	unreadFor = time.Minute
	// sweepEvery is the time between two searches for such campaigns.
	sweepEvery = 10 * time.Second
)

// Config configures a [Cache].
type Config struct {
	Inner  readmodel.Reader // reads the rows
	Shared Shared           // nil keeps entries in this process only
	Logger *slog.Logger

	Bound      time.Duration // less than a second; 0 means DefaultBound
	MaxEntries int           // 0 means DefaultMaxEntries
	// ServeStale is for how long [Cache.Last] answers after the rows were found away.
	ServeStale time.Duration
}

// Cache is a [readmodel.Reader] that keeps what it has read. [Open] makes one. Callers
// share what it returns and must not change it. It is safe for concurrent use.
type Cache struct {
	inner     readmodel.Reader
	bound     time.Duration
	logger    *slog.Logger
	revisions *revisionLog

	serveStale time.Duration
	absence    absence

	campaigns *loader
	owners    *loader // of the shop of each campaign that was refused, missing ones too
	shops     *loader
	shared    Shared // nil: there is none

	refresher  *refresher
	watchers   watchers
	traffic    *traffic
	count      counters
	background *background
}

var (
	_ readmodel.Reader    = (*Cache)(nil)
	_ readmodel.Freshness = (*Cache)(nil)
	_ readmodel.Last      = (*Cache)(nil)
)

// Open returns a running cache. Neither the rows nor the shared level need to be
// reachable yet. The cache keeps the context's values; Close ends it, not the context.
func Open(ctx context.Context, cfg Config) (*Cache, error) {
	cfg.Bound = cmp.Or(cfg.Bound, DefaultBound)
	cfg.MaxEntries = cmp.Or(cfg.MaxEntries, DefaultMaxEntries)
	switch {
	case cfg.Inner == nil, cfg.Logger == nil:
		return nil, errors.New("open cache: inner reader and logger are required")
	case cfg.Bound < 0 || cfg.Bound >= time.Second:
		return nil, fmt.Errorf("open cache: bound is %v, expected less than 1s", cfg.Bound)
	case cfg.MaxEntries < 0:
		return nil, fmt.Errorf("open cache: number of entries is %d, expected 0 or more", cfg.MaxEntries)
	}
	c := &Cache{
		inner: cfg.Inner, bound: cfg.Bound, logger: cfg.Logger, shared: cfg.Shared, serveStale: cfg.ServeStale,
		revisions: newRevisionLog(cfg.Bound, max(2*cfg.MaxEntries, MaxNamed)),
		traffic:   newTraffic(), background: newBackground(ctx),
		watchers: watchers{of: make(map[string]map[chan struct{}]struct{})},
	}
	c.campaigns = c.newLoader(cfg.MaxEntries, c.loadCampaign)
	c.campaigns.changed = func(name string) { c.watchers.signal(name) }
	c.owners = c.newLoader(cfg.MaxEntries, c.loadOwner)
	c.owners.prove = func(e *entry) *proof { return e.proof.Load() }
	c.shops = c.newLoader(max(cfg.MaxEntries/10, 1), c.loadShop)
	c.refresher = newRefresher(min(refreshPause, cfg.Bound/3), 2*cfg.MaxEntries, c.refresh)

	c.background.start(c.poll)
	c.background.start(c.refresher.run)
	c.background.start(c.sweep)
	if c.shared != nil {
		c.background.start(func(ctx context.Context) {
			c.shared.Run(ctx, func(ch readmodel.Change) { c.notice(ch, headStart) }, c.staleShared)
		})
	}
	return c, nil
}

func (c *Cache) newLoader(most int, read func(context.Context, string, bool) (*entry, source, error)) *loader {
	return &loader{
		slots: newSlots(most), bound: c.bound, background: c.background, prove: c.revisions.prove,
		read: read, loads: make(map[string]*load),
	}
}

// Close ends the cache's goroutines and waits for them. Reads that need the rows return
// [ErrClosed] from then on.
func (c *Cache) Close() { c.background.close() }

// Campaign implements [readmodel.Reader].
func (c *Cache) Campaign(ctx context.Context, campaign events.Campaign, by readmodel.Scope) (readmodel.CampaignRows, error) {
	begun := time.Now()
	c.traffic.seen(begun)
	if err := c.admit(ctx, string(campaign), by, begun); err != nil {
		return readmodel.CampaignRows{}, err
	}
	slot, e, age := c.campaigns.find(string(campaign), begun)
	from := fromProcess
	if e == nil {
		var err error
		if e, from, err = c.campaigns.fetch(ctx, string(campaign), begun, true); err != nil {
			return readmodel.CampaignRows{}, err
		}
	} else {
		c.refreshAhead(slot, e, age)
	}
	c.count.served(from)
	return e.campaign(by)
}

// admit returns [readmodel.ErrNotFound] to a limited scope that does not allow the campaign. It
// does the same for a foreign campaign and for a missing one, and before anything that tells
// them apart: what is known of their shops is of one kind, and is read again at the same age,
// however often a campaign changes or is read by others (I12). An entry that the scope allows
// needs no such look.
func (c *Cache) admit(ctx context.Context, name string, by readmodel.Scope, begun time.Time) error {
	if !by.Limited() {
		return nil
	}
	if slot := c.campaigns.get(name); slot != nil && slot.entry.Load().allows(by) {
		return nil
	}
	allows := func(e *entry) bool { return e.shop != "" && by.AllowsShop(e.shop) }
	_, e, _ := c.owners.find(name, begun)
	if e == nil {
		var err error
		if e, _, err = c.owners.fetch(ctx, name, begun, false); err != nil {
			return err
		}
		if !allows(e) {
			// Only what is refused is kept: a read by the campaign's owner leaves nothing
			// that makes the next one of a stranger quicker.
			c.owners.put(e, time.Now(), true)
		}
	}
	if !allows(e) {
		return notFound(name)
	}
	return nil
}

// ShopOf implements [readmodel.Reader]. It is never cached.
func (c *Cache) ShopOf(ctx context.Context, campaign events.Campaign) (events.Shop, error) {
	return c.inner.ShopOf(ctx, campaign)
}

// loadOwner reads the shop of a campaign.
func (c *Cache) loadOwner(ctx context.Context, name string, _ bool) (*entry, source, error) {
	sent := time.Now()
	shop, err := c.inner.ShopOf(ctx, events.Campaign(name))
	c.absence.note(sent, err)
	if err != nil {
		return nil, fromRows, err
	}
	e := newEntry(name, readmodel.Revision{}, sent)
	e.shop = shop
	return e, fromRows, nil
}

// ShopCampaigns implements [readmodel.Reader].
func (c *Cache) ShopCampaigns(ctx context.Context, shop events.Shop, by readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	if !by.AllowsShop(shop) {
		return nil, nil
	}
	begun := time.Now()
	c.traffic.seen(begun)
	_, e, _ := c.shops.find(string(shop), begun)
	from := fromProcess
	if e == nil {
		var err error
		if e, from, err = c.shops.fetch(ctx, string(shop), begun, true); err != nil {
			return nil, err
		}
	}
	c.count.served(from)
	return e.campaigns(by), nil
}

// ShopPage implements [readmodel.Reader]. Pages are kept as lists are, each under a name of its own.
func (c *Cache) ShopPage(ctx context.Context, shop events.Shop, page readmodel.ShopPage, by readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	if !by.AllowsShop(shop) {
		return nil, nil
	}
	begun := time.Now()
	c.traffic.seen(begun)
	name := pageName(shop, page)
	_, e, _ := c.shops.find(name, begun)
	from := fromProcess
	if e == nil {
		var err error
		if e, from, err = c.shops.fetch(ctx, name, begun, true); err != nil {
			return nil, err
		}
	}
	list := e.campaigns(by)
	if len(list) < len(e.list) { // the scope has others in their place
		return c.inner.ShopPage(ctx, shop, page, by)
	}
	c.count.served(from)
	return list, nil
}

// Revision implements [readmodel.Reader]. It is never cached.
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
		e := slot.entry.Load()
		if here = e.rows.Revision; e.exact && here == at {
			age := Since(now, c.revisions.prove(e).asOf)
			if age > c.bound {
				return false
			}
			c.refreshAhead(slot, e, age)
			return true
		}
	}
	return Since(now, c.revisions.current(campaign, at, here)) <= c.bound
}

// loadCampaign reads a campaign from the shared level, else from the rows.
func (c *Cache) loadCampaign(ctx context.Context, name string, keep bool) (*entry, source, error) {
	campaign := events.Campaign(name)
	e, there := c.lookUp(ctx, campaign)
	if e != nil {
		return e, fromShared, nil
	}
	floor, highest, sent := c.revisions.floor(), c.revisions.highest(), time.Now()
	rows, err := c.inner.Campaign(ctx, campaign, readmodel.Everything())
	c.absence.note(sent, err)
	switch {
	case errors.Is(err, readmodel.ErrNotFound):
		e = newEntry(name, floor, sent)
		e.missing = true
		return e, fromRows, nil
	case err != nil:
		return nil, fromRows, err
	}
	if c.revisions.read(rows.Revision, highest) == lost {
		c.wentBack(rows.Revision, highest)
	}
	if c.shared != nil {
		v := Value{Campaign: campaign, Rows: rows, Read: sent, Refreshed: !keep}
		if there.revision.Compare(rows.Revision) > 0 || there.revision == (readmodel.Revision{}) {
			v.Replaces = there.value
		}
		c.shared.Put(v)
	}
	return rowsEntry(name, rows, sent), fromRows, nil
}

// unproven is a shared value that is not served, and its revision, which is zero where the
// value is forged or damaged. Where rows that are read later have a lower one, the value is of a past
// that the store has lost, and nothing but its replacement ends that.
type unproven struct {
	value    string
	revision readmodel.Revision
}

// lookUp returns the campaign's shared rows if they are proven current, else what there is in
// their place.
func (c *Cache) lookUp(ctx context.Context, campaign events.Campaign) (e *entry, there unproven) {
	if c.shared == nil {
		return nil, unproven{}
	}
	rows, value, ok := c.shared.Get(ctx, campaign)
	if !ok {
		return nil, unproven{value, rows.Revision}
	}
	e = rowsEntry(string(campaign), rows, time.Time{})
	p := c.revisions.prove(e)
	if Since(time.Now(), p.asOf) > c.bound || p.through.Compare(c.revisions.known()) < 0 {
		// Rows that have changed may be served within the bound, but not fetched.
		return nil, unproven{value, rows.Revision}
	}
	return e, unproven{}
}

// pageName names a page of a shop's campaigns. No shop and no campaign has the characters between its parts.
func pageName(shop events.Shop, page readmodel.ShopPage) string {
	return fmt.Sprintf("%s\x00%d %t %d %d\x00%s", shop, page.Order, page.Descending, page.Limit, page.Value, page.After)
}

// pageNamed returns what [pageName] named; false where the name is of all campaigns of a shop.
func pageNamed(name string) (shop events.Shop, page readmodel.ShopPage, ok bool) {
	of, rest, ok := strings.Cut(name, "\x00")
	how, after, _ := strings.Cut(rest, "\x00")
	if ok {
		_, _ = fmt.Sscan(how, &page.Order, &page.Descending, &page.Limit, &page.Value) // which cannot fail
	}
	page.After = events.Campaign(after)
	return events.Shop(of), page, ok
}

// loadShop reads the campaigns of a shop, or a page of them.
func (c *Cache) loadShop(ctx context.Context, name string, _ bool) (*entry, source, error) {
	floor, sent := c.revisions.floor(), time.Now()
	read := func() ([]readmodel.ShopCampaign, error) {
		if shop, page, ok := pageNamed(name); ok {
			return c.inner.ShopPage(ctx, shop, page, readmodel.Everything())
		}
		return c.inner.ShopCampaigns(ctx, events.Shop(name), readmodel.Everything())
	}
	list, err := read()
	if err != nil {
		return nil, fromRows, err
	}
	e := newEntry(name, floor, sent)
	e.list = list
	return e, fromRows, nil
}
