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
	var (
		out   readmodel.CampaignRows
		found bool
	)
	args := append([]any{string(c)}, limits(by)...)
	scan := func(rows *sql.Rows) (readmodel.EventStats, error) {
		return scanEventStatsAnd(rows, revisionFields(&out.Revision)...)
	}
	err := s.read(ctx, func(tx *sql.Tx) error {
		prepared := func(query string) *sql.Stmt { return tx.StmtContext(ctx, s.reads[query]) }
		// As with upsert: the transaction can be cancelled, its statements need not.
		uncancelled := context.WithoutCancel(ctx)
		err := forEach(uncancelled, prepared(readEventStats), scan, func(row *readmodel.EventStats) {
			out.Event, found = *row, true
		}, args...)
		if err != nil || !found {
			return err
		}
		err = forEach(uncancelled, prepared(readChannelStats), scanChannelStats, func(row *readmodel.ChannelStats) {
			out.Channels = append(out.Channels, *row)
		}, string(c))
		if err != nil {
			return err
		}
		err = forEach(uncancelled, prepared(readParticipationHourly), scanParticipationHour, func(row *readmodel.ParticipationHour) {
			out.Hours = append(out.Hours, *row)
		}, string(c))
		if err != nil {
			return err
		}
		return forEach(uncancelled, prepared(readParticipantProfile), scanProfileCount, func(row *readmodel.ProfileCount) {
			out.Profiles = append(out.Profiles, *row)
		}, string(c))
	})
	if err != nil {
		return readmodel.CampaignRows{}, fmt.Errorf("read campaign %q: %w", c, err)
	}
	if !found {
		return readmodel.CampaignRows{}, fmt.Errorf("read campaign %q: %w", c, readmodel.ErrNotFound)
	}
	return out, nil
}
