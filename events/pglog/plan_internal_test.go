package pglog

import (
	"strings"
	"testing"

	"jangbu/events/eventstest/services"
)

// A log is read in the order of its index, also before PostgreSQL knows anything of the table: a
// plan that sorts takes the database half as much time again.
func TestReadSortsNothing(t *testing.T) {
	t.Parallel()
	log, err := Open(t.Context(), services.Database(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	const fill = `
INSERT INTO jangbu_log.events (position, occurred_at, recorded_at, type, id, digest, payload, form, campaign)
SELECT i, now(), now(), 2, gen_random_uuid(), repeat('x', 32)::bytea, repeat('x', 150)::bytea, 2, 'evt-1' FROM generate_series(1, 5000) AS i`
	if _, err := log.pool.Exec(t.Context(), fill); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
		conn, err := log.pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		statements := `BEGIN; SET LOCAL plan_cache_mode = ` + mode + `; PREPARE explained AS ` + readEvents + `; EXPLAIN EXECUTE explained(1000, 100); DEALLOCATE explained; ROLLBACK`
		read, err := conn.Conn().PgConn().Exec(t.Context(), statements).ReadAll()
		conn.Release()
		if err != nil {
			t.Fatal(err)
		}
		var plan strings.Builder
		for _, row := range read[3].Rows {
			plan.Write(row[0])
			plan.WriteByte('\n')
		}
		if got := plan.String(); !strings.Contains(got, "Index Scan using ") || strings.Contains(got, "Sort") {
			t.Errorf("with %s the plan is\n%s", mode, got)
		}
	}
}
