package privacy

import (
	"context"
	"errors"

	"jangbu/events"
	"jangbu/readmodel"
)

// campaign scans the rows of a campaign. Its ids are the log's.
func (s *scan) campaign(ctx context.Context, store readmodel.Store, c events.Campaign) error {
	rows, _, err := store.Snapshot(ctx, c)
	if errors.Is(err, readmodel.ErrNotFound) {
		return nil // it was folded anew meanwhile
	}
	if err != nil {
		return err
	}
	s.out.Campaigns++
	note := func(table, field, holds string) {
		s.note(place{In: "rows", Type: table, Field: field, Holds: holds}, 0, true)
		if s.Erase {
			s.refold[c] = true
		}
	}
	for table, list := range rows.Tables {
		for i := range list.Len() {
			switch row := list.Row(i).(type) {
			case *readmodel.CampaignStats:
				for field, text := range map[string]string{"title": row.Title, "objective": row.Objective} {
					if p := events.PersonalInText(text); p != events.NothingPersonal {
						note(table, field, p.String())
					}
				}
			case *readmodel.ProfileCount:
				// An earlier version of the fold kept texts as they came.
				if p := events.PersonalInID(row.Value); p != events.NothingPersonal {
					note(table, string(row.Dimension), p.String())
				}
			case *readmodel.ChannelStats:
				if p := events.PersonalInID(string(row.Channel)); p != events.NothingPersonal {
					note(table, "channel", p.String())
				}
			}
		}
	}
	return nil
}
