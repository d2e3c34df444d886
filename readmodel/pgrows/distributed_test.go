package pgrows_test

import (
	"testing"
	"time"

	"jangbu/events/eventstest/services"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
)

// distributed returns a database with one campaign, which has an end and was distributed to
// one channel.
func distributed(t *testing.T) (url string, store *pgrows.Store, ends time.Time) {
	t.Helper()
	ctx, ends := t.Context(), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	url = services.Database(t)
	store, err := pgrows.Open(ctx, url, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	at, err := store.Register(ctx, []readmodel.Checkpoint{
		{Projection: readmodel.CampaignStatsTable().Name, Version: 1}, {Projection: readmodel.ChannelStatsTable().Name, Version: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	lease, _, err := store.Acquire(ctx, "projections", "process-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	rows := readmodel.NewRows(projections.Tables(projections.All())...)
	rows.Campaign("evt-1").EndsAt = ends
	rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"}).DistributedAt = ends
	_, err = store.Commit(ctx, lease, []readmodel.Advance{{Checkpoint: at[0], To: 1}, {Checkpoint: at[1], To: 1}}, rows)
	if err != nil {
		t.Fatal(err)
	}
	return url, store, ends
}

func TestDistributedReadsActiveGenerationsOnly(t *testing.T) {
	t.Parallel()
	url, store, ends := distributed(t)
	conn := connect(t, url)
	for _, step := range []struct {
		statement string
		rows      int
		ends      time.Time
	}{
		{`SELECT 1`, 1, ends},
		{`UPDATE jangbu_rows.event_stats SET generation = 2`, 1, time.Time{}},
		{`UPDATE jangbu_rows.channel_stats SET generation = 2`, 0, time.Time{}},
		{`INSERT INTO jangbu_rows.generations (projection, generation, version, position) SELECT projection, 2, version, position FROM jangbu_rows.generations`, 0, time.Time{}},
		{`UPDATE jangbu_rows.projections SET active_generation = 2 WHERE projection = 'channel_stats'`, 1, time.Time{}},
		{`UPDATE jangbu_rows.projections SET active_generation = 2 WHERE projection = 'event_stats'`, 1, ends},
	} {
		if _, err := conn.Exec(t.Context(), step.statement); err != nil {
			t.Fatalf("%s: %v", step.statement, err)
		}
		got, err := store.Distributed(t.Context(), ends)
		if err != nil || len(got) != step.rows || len(got) == 1 && !got[0].EndsAt.Equal(step.ends) {
			t.Errorf("after %s: Distributed = %+v, %v; want %d rows that end at %v", step.statement, got, err, step.rows, step.ends)
		}
	}
}
