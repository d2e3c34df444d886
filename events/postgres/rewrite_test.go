package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events/eventstest/services"
	"jangbu/events/postgres"
)

// TestRewrite: a table's file holds nothing of what was overwritten, although a session that may
// still see it reads on for a while, and another database has a transaction by which one could
// come to.
func TestRewrite(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	exec := func(statement string) {
		t.Helper()
		if _, err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	holds := func() bool {
		t.Helper()
		exec(`CHECKPOINT`)
		var content []byte
		if err := db.QueryRow(t.Context(), `SELECT pg_read_binary_file(pg_relation_filepath('kept'))`).Scan(&content); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(content), "a former text")
	}
	exec(`CREATE TABLE kept AS SELECT 'a former text' AS content`)
	begin := func(url, statement string) *pgx.Conn {
		t.Helper()
		session, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = session.Close(context.WithoutCancel(t.Context())) })
		if _, err := session.Exec(t.Context(), `BEGIN ISOLATION LEVEL REPEATABLE READ; `+statement); err != nil {
			t.Fatal(err)
		}
		return session
	}
	reader := begin(url, `SELECT pg_current_snapshot()`)
	writer := begin(services.Database(t), `SELECT pg_current_xact_id()`)
	exec(`UPDATE kept SET content = '***'`)
	if !holds() {
		t.Fatal("the file does not hold what it should")
	}
	rewritten := make(chan error, 1)
	go func() { rewritten <- db.Rewrite(t.Context(), "kept") }()
	select {
	case err := <-rewritten:
		t.Errorf("it did not wait for the reader: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	for _, session := range []*pgx.Conn{reader, writer} {
		if _, err := session.Exec(t.Context(), `COMMIT`); err != nil {
			t.Fatal(err)
		}
		if session == writer {
			break
		}
		select {
		case err := <-rewritten:
			t.Errorf("it did not wait for the other database: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err := <-rewritten; err != nil {
		t.Fatal(err)
	}
	if holds() {
		t.Error("the file holds what was overwritten")
	}
}
