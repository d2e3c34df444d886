package pgrows_test

import (
	"fmt"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
)

// TestCommitsTouchNoIndex asks PostgreSQL how the rows of every table were updated.
func TestCommitsTouchNoIndex(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), services.Database(t)
	store, err := pgrows.Open(ctx, url, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	at, lease := lead(t, store)
	const campaigns = 300
	for n := range int64(2) {
		rows := readmodel.NewRows(projections.Tables(projections.All())...)
		for i := range campaigns {
			c := events.Campaign(fmt.Sprintf("evt-%d", i))
			event := rows.Campaign(c)
			event.Known, event.Shop, event.Participants = true, "store-1", n
			rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: "naver"}).Participants = n
			rows.Hour(readmodel.HourKey{Campaign: c, Hour: time.Unix(0, 0)}).Participants = n
			rows.Profile(c).Region.Add("서울", n)
		}
		if _, err := store.Commit(ctx, lease, advance(at), rows); err != nil {
			t.Fatal(err)
		}
	}
	store.Close() // its sessions report their statistics when they end
	conn := connect(t, url)
	const updates = `
SELECT n_tup_upd, n_tup_hot_upd
FROM pg_stat_user_tables
WHERE schemaname = 'jangbu_rows' AND relname = $1`
	deadline := time.Now().Add(10 * time.Second)
	for _, table := range projections.Tables(projections.All()) {
		var all, hot int64
		for all < campaigns {
			if err := conn.QueryRow(ctx, updates, table.Name).Scan(&all, &hot); err != nil {
				t.Fatal(err)
			}
			if all < campaigns && time.Now().After(deadline) {
				t.Fatalf("%s: %d updates reported, want %d", table.Name, all, campaigns)
			}
		}
		if all != campaigns || hot != all {
			t.Errorf("%s: %d of %d updates touched no index, want all of %d", table.Name, hot, all, campaigns)
		}
	}
}
