package archive_test

import (
	"testing"

	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
)

// TestImportIntoPostgres moves a log from one adapter to the other and back.
func TestImportIntoPostgres(t *testing.T) {
	t.Parallel()
	log, back := fullLog(t, 6_000), openLog(t)
	pg, err := pglog.Open(t.Context(), services.Database(t), pglog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	if _, err := imported(t.Context(), pg, exported(t, log, "log.jsonl.zst")); err != nil {
		t.Fatal(err)
	}
	if _, err := imported(t.Context(), back, exported(t, pg, "log.jsonl")); err != nil {
		t.Fatal(err)
	}
	if diff := difference(contents(t, log), contents(t, back)); diff != "" {
		t.Errorf("(-first +last):\n%s", diff)
	}
}
