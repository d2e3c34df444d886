package runner_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver, for changes by hand

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/sqlitelog"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
	"jangbu/readmodel/sqliterows"
)

// verifyBundle is a log, its rows, and a way to change these by hand.
type verifyBundle struct {
	log  *sqlitelog.Log
	rows readmodel.Store
	head events.Position
	// exec runs a statement that must change rows; tables have prefix before them. Foreign
	// keys are not checked.
	exec   func(t *testing.T, statement string) (changed int64)
	prefix string
}

func setupVerify(t *testing.T, rows readmodel.Store) *verifyBundle {
	t.Helper()
	b := &verifyBundle{log: openLog(t), rows: rows}
	b.head = appendAll(t, b.log, drafts(t, 11, 300), 100)
	b.follow(t)
	return b
}

// follow folds what there is.
func (b *verifyBundle) follow(t *testing.T) {
	t.Helper()
	r, stop := start(t, b.log, b.rows, "process-1", 100, projections.All())
	waitFor(t, r, b.head)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func (b *verifyBundle) config() replay.VerifyConfig {
	return replay.VerifyConfig{Log: b.log, Rows: b.rows, Projections: projections.All(), Batch: 64}
}

func (b *verifyBundle) verify(t *testing.T) replay.Verified {
	t.Helper()
	return verify(t, b.config())
}

func verify(t *testing.T, cfg replay.VerifyConfig) replay.Verified {
	t.Helper()
	v, err := replay.Verify(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return v
}

func onSQLite(t *testing.T) *verifyBundle {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.db")
	rows, err := sqliterows.Open(t.Context(), path, projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rows.Close() })
	b := setupVerify(t, rows)
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b.exec = func(t *testing.T, statement string) int64 {
		t.Helper()
		result, err := db.ExecContext(t.Context(), statement)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		changed, _ := result.RowsAffected()
		return changed
	}
	return b
}

func onPostgres(t *testing.T) *verifyBundle {
	t.Helper()
	url := services.Database(t)
	b := setupVerify(t, openPgRows(t, url))
	b.prefix = "jangbu_rows."
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	if _, err := conn.Exec(t.Context(), "SET session_replication_role = replica"); err != nil { // checks no foreign key
		t.Fatal(err)
	}
	b.exec = func(t *testing.T, statement string) int64 {
		t.Helper()
		tag, err := conn.Exec(t.Context(), statement)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		return tag.RowsAffected()
	}
	return b
}

// everywhere runs the test on both databases.
func everywhere(t *testing.T, test func(*testing.T, *verifyBundle)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) *verifyBundle{"sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// spoil changes rows by hand in all four tables, of one campaign or of all.
func (b *verifyBundle) spoil(t *testing.T, where string) {
	t.Helper()
	for _, statement := range []string{
		"UPDATE %sevent_stats SET participants = participants + 1",
		"UPDATE %schannel_stats SET cost_won = cost_won + 1",
		"DELETE FROM %sparticipation_hourly",
		"UPDATE %sparticipant_profile SET region = customer",
	} {
		if b.exec(t, fmt.Sprintf(statement, b.prefix)+where) == 0 {
			t.Fatalf("%s%s changes nothing", statement, where)
		}
	}
}

// clean demands that what is served equals the fold of the log.
func (b *verifyBundle) clean(t *testing.T) {
	t.Helper()
	if v := b.verify(t); v.First != nil {
		t.Fatalf("%d of %d campaigns differ: %s", v.Diverging, v.Campaigns, v.First)
	}
}
