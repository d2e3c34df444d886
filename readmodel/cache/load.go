package cache

import (
	"context"
	"errors"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// loadCampaign reads a campaign from the shared level, else from the rows.
func (c *Cache) loadCampaign(ctx context.Context, name string, keep bool) (*entry, source, error) {
	campaign := events.Campaign(name)
	var damaged string
	if c.shared != nil {
		var e *entry
		if e, damaged = c.lookUp(ctx, campaign); e != nil {
			return e, fromShared, nil
		}
	}
	floor, sent := c.revisions.floor(), time.Now()
	rows, err := c.inner.Campaign(ctx, campaign, readmodel.Everything())
	switch {
	case errors.Is(err, readmodel.ErrNotFound):
		e := newEntry(name, floor, sent)
		e.missing = true
		return e, fromRows, nil
	case err != nil:
		return nil, fromRows, err
	}
	if c.shared != nil {
		c.shared.Put(Value{Campaign: campaign, Rows: rows, Read: sent, Refreshed: !keep, Damaged: damaged})
	}
	return rowsEntry(name, rows, sent), fromRows, nil
}

// lookUp returns the campaign's shared rows if they are proven current, and a damaged
// value that should be replaced.
func (c *Cache) lookUp(ctx context.Context, campaign events.Campaign) (e *entry, damaged string) {
	rows, damaged, ok := c.shared.Get(ctx, campaign)
	if !ok {
		return nil, damaged
	}
	e = rowsEntry(string(campaign), rows, time.Time{})
	p := c.revisions.prove(e)
	if Since(time.Now(), p.asOf) > c.bound || p.through.Compare(c.revisions.known()) < 0 {
		return nil, "" // rows that have changed may be served within the bound, but not fetched
	}
	return e, ""
}

// loadShop reads the campaigns of a shop.
func (c *Cache) loadShop(ctx context.Context, name string, _ bool) (*entry, source, error) {
	floor, sent := c.revisions.floor(), time.Now()
	list, err := c.inner.ShopCampaigns(ctx, events.Shop(name), readmodel.Everything())
	if err != nil {
		return nil, fromRows, err
	}
	e := newEntry(name, floor, sent)
	e.list, e.unnamed = list, true
	return e, fromRows, nil
}
