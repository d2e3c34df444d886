package sqliterows

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

// Campaign implements [readmodel.Reader].
func (s *Store) Campaign(ctx context.Context, c events.Campaign) (readmodel.CampaignRows, error) {
	var (
		out   readmodel.CampaignRows
		found bool
	)
	err := s.read(ctx, func(tx *sql.Tx) error {
		prepared := func(query string) *sql.Stmt { return tx.StmtContext(ctx, s.reads[query]) }
		err := forEach(ctx, prepared(readEventStats), scanEventStats, func(row *readmodel.EventStats) {
			out.Event, found = *row, true
		}, string(c))
		if err != nil || !found {
			return err
		}
		err = forEach(ctx, prepared(readChannelStats), scanChannelStats, func(row *readmodel.ChannelStats) {
			out.Channels = append(out.Channels, *row)
		}, string(c))
		if err != nil {
			return err
		}
		err = forEach(ctx, prepared(readParticipationHourly), scanParticipationHour, func(row *readmodel.ParticipationHour) {
			out.Hours = append(out.Hours, *row)
		}, string(c))
		if err != nil {
			return err
		}
		return forEach(ctx, prepared(readParticipantProfile), scanProfileCount, func(row *readmodel.ProfileCount) {
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
