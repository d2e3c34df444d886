package sqliterows_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/sqliterows"
)

// Rows of another generation are neither read nor say whose a campaign is; its
// checkpoint is not part of the revision.
func TestReadsActiveGenerationsOnly(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "rows.db")
	store, err := sqliterows.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	at, err := store.Register(ctx, []readmodel.Checkpoint{
		{Projection: readmodel.EventStatsTable, Version: 1}, {Projection: readmodel.ChannelStatsTable, Version: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	lease, _, err := store.Acquire(ctx, "projections", "process-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	rows := readmodel.NewRows()
	event := rows.Event("evt-1")
	event.Known, event.Store = true, "store-1"
	rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"})
	made, err := store.Commit(ctx, lease, []readmodel.Advance{{Checkpoint: at[0], To: 10}, {Checkpoint: at[1], To: 7}}, rows)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, step := range []struct {
		statement string
		owner     events.Store // "": nobody
		channels  int
		edits     int64
		position  events.Position
	}{
		{`SELECT 1`, "store-1", 1, 0, 17},
		{`INSERT INTO generations SELECT projection, 2, version, position + 100 FROM generations`, "store-1", 1, 0, 17},
		{
			`INSERT INTO event_stats (generation, campaign, known, store, title, objective, participants, new_customers, position)
			SELECT 2, campaign, known, 'store-2', title, objective, participants, new_customers, position FROM event_stats`,
			"store-1", 1, 0, 17,
		},
		{`UPDATE store SET edits = 3`, "store-1", 1, 3, 17},
		{`UPDATE projections SET active_generation = 2 WHERE projection = 'event_stats'`, "store-2", 1, 3, 117},
		{`UPDATE projections SET active_generation = 2 WHERE projection = 'channel_stats'`, "store-2", 0, 3, 217},
		{`DELETE FROM event_stats WHERE generation = 2`, "", 0, 3, 217},
	} {
		if _, err := db.ExecContext(ctx, step.statement); err != nil {
			t.Fatalf("%s: %v", step.statement, err)
		}
		want := readmodel.Revision{Incarnation: made.Incarnation, Edits: step.edits, Position: step.position}
		if got, err := store.Revision(ctx); err != nil || got != want {
			t.Errorf("after %s: Revision = %+v, %v; want %+v", step.statement, got, err, want)
		}
		for _, owner := range []events.Store{"store-1", "store-2"} {
			campaign, err := store.Campaign(ctx, "evt-1", readmodel.Stores(owner))
			list, listErr := store.StoreCampaigns(ctx, owner, readmodel.Stores(owner))
			switch {
			case listErr != nil:
				t.Fatal(listErr)
			case owner != step.owner:
				if !errors.Is(err, readmodel.ErrNotFound) || len(list) > 0 {
					t.Errorf("after %s: %s is given %+v, %v and the list %+v; want ErrNotFound and none", step.statement, owner, campaign, err, list)
				}
			case err != nil || len(campaign.Channels) != step.channels || campaign.Revision != want:
				t.Errorf("after %s: Campaign = %+v, %v; want %d channels at %+v", step.statement, campaign, err, step.channels, want)
			case len(list) != 1 || len(list[0].Channels) != step.channels:
				t.Errorf("after %s: StoreCampaigns = %+v; want one with %d channels", step.statement, list, step.channels)
			}
		}
	}
	if got, checkpoints, err := store.Snapshot(ctx, "evt-1"); !errors.Is(err, readmodel.ErrNotFound) || len(checkpoints) != 2 || checkpoints[0].Generation != 2 {
		t.Errorf("Snapshot = %+v, %+v, %v; want ErrNotFound and the checkpoints of generation 2", got, checkpoints, err)
	}
	if got, err := store.Campaigns(ctx, "", 10); err != nil || len(got) > 0 {
		t.Errorf("Campaigns = %q, %v; want none", got, err)
	}
}
