package sqlitelog

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"

	"jangbu/events"
)

// readWithdrawals selects what was withdrawn of a campaign.
const readWithdrawals = `
SELECT ` + eventColumns + `
FROM events
WHERE campaign = ? AND type = 5 AND type IN (1, 5)
ORDER BY position`

// readLatest selects the last description of a campaign that is not among the positions.
const readLatest = `
SELECT ` + eventColumns + `
FROM events
WHERE campaign = ? AND type = 1 AND type IN (1, 5) AND position NOT IN (SELECT value FROM json_each(?))
ORDER BY position DESC
LIMIT 1`

// refuse refuses the drafts that describe a campaign of another shop. What the log holds already
// is never refused.
func refuse(ctx context.Context, to *room, b *batch) error {
	shops := make(events.Shops)
	var other []int
	var of identities
	for i := range b.drafts {
		c, ok := b.drafts[i].Event.(*events.EventCreated)
		if !ok {
			continue
		}
		if err := loadShop(ctx, to.tx, shops, c.Campaign); err != nil {
			return err
		}
		if shops.Other(c) {
			other, of = append(other, i), append(of, identity{c.Campaign, b.drafts[i].ID})
		}
	}
	if len(other) == 0 {
		return nil
	}
	stored, err := find(ctx, to.tx, to.segments, to.full, of)
	if err != nil {
		return err
	}
	for k, i := range other {
		if stored[k] == nil {
			b.otherShop = append(b.otherShop, i)
		}
	}
	b.judge(nil)
	return nil
}

// loadShop adds the shop of a campaign, unless shops has it or the campaign has none.
func loadShop(ctx context.Context, tx *sql.Tx, shops events.Shops, c events.Campaign) error {
	if _, loaded := shops[c]; loaded {
		return nil
	}
	read := func(query string, args ...any) ([]events.Recorded, error) {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		all, cut, err := collect(rows, nil)
		if err == nil && cut {
			err = fmt.Errorf("the withdrawals of a campaign are beyond %d bytes", events.MaxReadBytes)
		}
		return all, err
	}
	withdrawals, err := read(readWithdrawals, string(c))
	if err != nil {
		return err
	}
	withdrawn := []events.Position{}
	for p := range events.Described(withdrawals).Withdrawn() {
		withdrawn = append(withdrawn, p)
	}
	positions, err := json.Marshal(withdrawn)
	if err != nil {
		return err
	}
	latest, err := read(readLatest, string(c), string(positions))
	if err != nil {
		return err
	}
	maps.Copy(shops, events.ShopsOf(latest))
	return nil
}
