package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
)

// TestGoingBack goes from a release back to a former one, by the rule of scripts/deploy/README.md: the
// former one refuses schemas that are newer, and takes up its work after each step of the rule; all is
// as the oracle says then. Both are this program here, and the versions of the schemas are raised by
// hand. With JANGBU_TEST_ROLLING they are releases of the history with other schemas, and one that is
// this release with one more migration. TestRollingUpdate goes back where the schemas are the same.
func TestGoingBack(t *testing.T) {
	t.Parallel()
	if os.Getenv("JANGBU_TEST_ROLLING") == "" {
		b := newBack(t, unraced(t))
		b.serve(b.former)
		b.exec(`UPDATE jangbu_rows.schema_version SET version = version + 1`)
		b.dropRows()
		to := b.backUp(b.former)
		b.exec(`INSERT INTO jangbu_log.goose_db_version (version_id, is_applied) SELECT max(version_id) + 1, true FROM jangbu_log.goose_db_version`)
		b.restore(to)
		b.serve(b.former)
		return
	}
	t.Run("another schema of the rows", func(t *testing.T) {
		b := newBack(t, release(t, "221c68d6", nil))
		b.serve(b.former)
		b.serve(unraced(t))
		b.dropRows()
		b.serve(b.former)
		b.serve(unraced(t))
	})
	t.Run("another schema of the log", func(t *testing.T) {
		newer := release(t, "HEAD", map[string]string{"events/pglog/migrations/0015_next.sql": "-- +goose Up\nALTER TABLE jangbu_log.log_head ADD COLUMN next text;\n"})
		b := newBack(t, unraced(t))
		b.serve(b.former)
		b.restore(b.backUp(newer))
		b.serve(b.former)
		b.serve(newer)
	})
	t.Run("another schema of the log, and no backup that is read", func(t *testing.T) {
		b := newBack(t, release(t, "2ec9dd2a", nil))
		b.serve(b.former)
		b.save() // as pg_dump does, before the update
		b.serve(unraced(t))
		b.refuses()
		b.load()
		b.serve(b.former)
		b.serve(unraced(t))
	})
}

// back is a database under several releases.
type back struct {
	*moved
	former string
}

func newBack(t *testing.T, former string) *back { return &back{onKafka(t), former} }

// serve runs a release until it has taken in what was produced, and more, and all is as the oracle says.
func (b *back) serve(program string) {
	b.Helper()
	p := startBuilt(b.T, program, b.TempDir(), b.environment)
	if b.produced == 0 {
		b.produce(b.first...)
	}
	b.register()
	b.equalsOracle(program, p)
	p.stop(b.T)
}

// backUp makes a backup while a release runs, which takes in some more then.
func (b *back) backUp(program string) (to string) {
	b.Helper()
	p := startBuilt(b.T, program, b.TempDir(), b.environment)
	b.register()
	b.settled(program, p, time.Minute)
	to = filepath.Join(b.TempDir(), "backup")
	if out, complaint, code := b.run(program, "backup", to, "--why", "an update"); code != cli.ExitDone {
		b.Fatalf("backup exits with %d: %s%s", code, out, complaint)
	}
	b.register()
	b.settled(program, p, time.Minute)
	p.stop(b.T)
	return to
}

// restore goes back where the log has another schema.
func (b *back) restore(from string) {
	b.Helper()
	b.refuses()
	b.empty()
	if out, complaint, code := b.run(b.former, "restore", from); code != cli.ExitDone {
		b.Fatalf("restore exits with %d: %s%s", code, out, complaint)
	}
}

// dropRows goes back where the rows have another schema.
func (b *back) dropRows() {
	b.Helper()
	b.refuses()
	b.exec(`DROP SCHEMA jangbu_rows CASCADE`)
}

// refuses checks that the former release does not start, says in one sentence why, and changes nothing.
func (b *back) refuses() {
	b.Helper()
	versions := func() [2]int64 {
		b.Helper()
		return [2]int64{b.count(`SELECT max(version_id) FROM jangbu_log.goose_db_version`), b.count(`SELECT version FROM jangbu_rows.schema_version`)}
	}
	before := versions()
	out, complaint, code := b.run(b.former, "serve", "--insecure-no-auth", "--http-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--log-level", "error")
	b.Logf("it says: %s", complaint)
	sentence := regexp.MustCompile(` is of version \d+ and this program knows none above \d+: run a newer program`)
	if code != cli.ExitFailed || !sentence.MatchString(complaint) || strings.Count(complaint, "\n") > 1 {
		b.Errorf("serve exits with %d: %s%s", code, out, complaint)
	}
	if after := versions(); after != before {
		b.Errorf("the schemas are of versions %v, and were of %v", after, before)
	}
}

// register produces registrations.
func (b *back) register() {
	b.Helper()
	records := make([]events.Record, 200)
	for i := range records {
		records[i] = b.generator.Next()
	}
	b.produce(records...)
}

// exec executes a statement in the database.
func (b *back) exec(statement string) {
	b.Helper()
	administerIn(b.T, b.database(), statement)
}
