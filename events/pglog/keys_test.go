package pglog_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
)

// TestKeyUnderWayIsReplaced: a key whose adding is under way when a replacement begins is
// replaced too.
func TestKeyUnderWayIsReplaced(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	keys, err := pglog.OpenKeys(t.Context(), url, pglog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	if err := keys.AddKeys(t.Context(), nil, map[events.Campaign][]byte{"": {1}, "b": {1}}); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	adding, err := conn.Begin(t.Context()) // as AddKeys
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`SELECT FROM jangbu_keys.campaign_keys WHERE campaign = '' FOR SHARE`,
		`INSERT INTO jangbu_keys.campaign_keys (campaign, wrapped, added_at) VALUES ('a', '\x01', now())`,
	} {
		if _, err := adding.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	replaced := make(chan error, 1)
	go func() {
		replaced <- keys.ReplaceKeys(t.Context(), func(events.Campaign, []byte) ([]byte, error) { return []byte{2}, nil })
	}()
	for waiting, deadline := 0, time.Now().Add(30*time.Second); waiting == 0; {
		if err := adding.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("the replacement does not wait for the key that is being added")
		}
		if _, err := adding.Exec(t.Context(), `SELECT pg_sleep(0.005), pg_stat_clear_snapshot()`); err != nil {
			t.Fatal(err)
		}
	}
	if err := adding.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-replaced; err != nil {
		t.Fatal(err)
	}
	got, err := keys.Keys(t.Context(), []events.Campaign{"", "a", "b"})
	for _, c := range []events.Campaign{"", "a", "b"} {
		if err != nil || !bytes.Equal(got[c], []byte{2}) {
			t.Errorf("the entry of %q is %v, %v", c, got[c], err)
		}
	}
}
