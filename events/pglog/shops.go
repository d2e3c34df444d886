package pglog

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
)

// readDescribed selects those of the campaigns that the log describes, or has withdrawn something of.
// Most descriptions are the first of their campaign.
const readDescribed = `
SELECT DISTINCT campaign FROM jangbu_log.events WHERE campaign = ANY ($1) AND type IN (1, 5)`

// readWithdrawals selects what was withdrawn of the campaigns.
const readWithdrawals = `
SELECT position, occurred_at, recorded_at, type, id, digest, payload, form, campaign
FROM jangbu_log.events
WHERE campaign = ANY ($1) AND type = 5
ORDER BY position`

// readLatest selects the last description of each campaign that is none of those that it has
// withdrawn: of each campaign in $2 the position in $3.
const readLatest = `
SELECT e.position, e.occurred_at, e.recorded_at, e.type, e.id, e.digest, e.payload, e.form, e.campaign
FROM unnest($1::text[]) AS w (campaign)
CROSS JOIN LATERAL (
    SELECT * FROM jangbu_log.events
    WHERE campaign = w.campaign AND type = 1 AND (campaign, position) NOT IN (SELECT * FROM unnest($2::text[], $3::bigint[]))
    ORDER BY position DESC
    LIMIT 1
) AS e`

// refuse refuses the drafts that describe a campaign of another shop, under the lock of the
// head, and returns how many remain and are duplicates. What the log holds already is never
// refused.
func refuse(ctx context.Context, conn *pgx.Conn, b *batch) (appended, duplicates int, err error) {
	appended, duplicates = b.count()
	var campaigns []string
	for _, i := range b.firsts {
		if c, ok := b.drafts[i].Event.(*events.EventCreated); ok {
			campaigns = append(campaigns, string(c.Campaign))
		}
	}
	if len(campaigns) == 0 {
		return appended, duplicates, nil
	}
	shops, err := shopsOf(ctx, conn, campaigns)
	if err != nil {
		return 0, 0, err
	}
	var other []int
	for i := range b.drafts {
		if shops.Other(b.drafts[i].Event) {
			other = append(other, i)
		}
	}
	if len(other) == 0 {
		return appended, duplicates, nil
	}
	drafts := make([]events.Draft, len(other))
	for k, i := range other {
		drafts[k] = b.drafts[i]
	}
	stored, err := digestsOf(ctx, conn, findDigests, identitiesOf(drafts))
	if err != nil {
		return 0, 0, err
	}
	for k, i := range other {
		if stored[k] == nil {
			b.otherShop = append(b.otherShop, i)
		}
	}
	b.judge(make([]*events.Digest, len(b.firsts)))
	remaining, known := b.count()
	if _, err := conn.Exec(ctx, adjustHead, appended-remaining, known-duplicates, remaining > 0); err != nil {
		return 0, 0, err
	}
	_, err = conn.Exec(ctx, `SAVEPOINT copied`) // what follows is undone up to here
	return remaining, known, err
}

// campaignsAtOnce bounds a read of descriptions, which then is far below
// [events.MaxReadBytes].
const campaignsAtOnce = 500

// shopsOf returns the shops of the campaigns that have one.
func shopsOf(ctx context.Context, conn *pgx.Conn, campaigns []string) (events.Shops, error) {
	rows, err := conn.Query(ctx, readDescribed, campaigns)
	if err != nil {
		return nil, err
	}
	described, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	var latest []events.Recorded
	for some := range slices.Chunk(described, campaignsAtOnce) {
		read := func(dst []events.Recorded, query string, args ...any) ([]events.Recorded, error) {
			args = append([]any{pgx.QueryResultFormats{pgx.BinaryFormatCode}}, args...)
			all, cut, err := collect(ctx, dst, func(ctx context.Context) (pgx.Rows, error) { return conn.Query(ctx, query, args...) })
			if err == nil && cut {
				err = fmt.Errorf("the descriptions and withdrawals of %d campaigns are beyond %d bytes", len(some), events.MaxReadBytes)
			}
			return all, err
		}
		withdrawals, err := read(nil, readWithdrawals, some)
		if err != nil {
			return nil, err
		}
		of := make(map[events.Campaign]events.Described)
		for _, w := range withdrawals {
			of[w.Event.Subject()] = append(of[w.Event.Subject()], w)
		}
		named, withdrawn := make([]string, 0), make([]int64, 0)
		for c, d := range of {
			for p := range d.Withdrawn() {
				named, withdrawn = append(named, string(c)), append(withdrawn, int64(p))
			}
		}
		found, err := read(nil, readLatest, some, named, withdrawn)
		if err != nil {
			return nil, err
		}
		latest = append(latest, found...)
	}
	return events.ShopsOf(latest), nil
}
