package sqliterows

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

// Campaign implements [readmodel.Reader].
func (s *Store) Campaign(ctx context.Context, c events.Campaign, by readmodel.Scope) (readmodel.CampaignRows, error) {
	var out readmodel.CampaignRows
	err := s.read(ctx, func(tx *sql.Tx) error {
		r := campaignReader{s, tx, c, &out}
		if err := r.event(ctx, by); err != nil || out.Event.Campaign == "" {
			return err // what is not in the scope is read no further (I12)
		}
		return r.others(ctx)
	})
	if err != nil {
		return readmodel.CampaignRows{}, fmt.Errorf("read campaign %q: %w", c, err)
	}
	if out.Event.Campaign == "" {
		return readmodel.CampaignRows{}, fmt.Errorf("read campaign %q: %w", c, readmodel.ErrNotFound)
	}
	return out, nil
}

// campaignReader reads one campaign's rows in a transaction. As with upsert: the
// transaction can be cancelled, its statements need not.
type campaignReader struct {
	*Store
	tx  *sql.Tx
	c   events.Campaign
	out *readmodel.CampaignRows
}

func (r campaignReader) prepared(ctx context.Context, query string) *sql.Stmt {
	return r.tx.StmtContext(ctx, r.reads[query])
}

// event reads the [readmodel.EventStats] row in the scope, and the revision with it.
func (r campaignReader) event(ctx context.Context, by readmodel.Scope) error {
	scan := func(rows *sql.Rows) (readmodel.EventStats, error) {
		return scanEventStatsAnd(rows, revisionFields(&r.out.Revision)...)
	}
	return forEach(context.WithoutCancel(ctx), r.prepared(ctx, readEventStats), scan, func(row *readmodel.EventStats) {
		r.out.Event = *row
	}, append([]any{string(r.c)}, limits(by)...)...)
}

// others reads the rows of the other tables, whatever the scope.
func (r campaignReader) others(ctx context.Context) error {
	uncancelled := context.WithoutCancel(ctx)
	err := forEach(uncancelled, r.prepared(ctx, readChannelStats), scanChannelStats, func(row *readmodel.ChannelStats) {
		r.out.Channels = append(r.out.Channels, *row)
	}, string(r.c))
	if err != nil {
		return err
	}
	err = forEach(uncancelled, r.prepared(ctx, readParticipationHourly), scanParticipationHour, func(row *readmodel.ParticipationHour) {
		r.out.Hours = append(r.out.Hours, *row)
	}, string(r.c))
	if err != nil {
		return err
	}
	return forEach(uncancelled, r.prepared(ctx, readParticipantProfile), scanProfileCount, func(row *readmodel.ProfileCount) {
		r.out.Profiles = append(r.out.Profiles, *row)
	}, string(r.c))
}
