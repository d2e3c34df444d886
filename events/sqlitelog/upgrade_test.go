package sqlitelog_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"

	"jangbu/events"
	"jangbu/events/eventstest"
)

func TestUpgrade(t *testing.T) {
	eventstest.TestUpgrade(t, func(t testing.TB) eventstest.Earlier {
		path := filepath.Join(t.TempDir(), "log.db")
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		provider, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations"), goose.WithDisableGlobalRegistry(true))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := provider.UpTo(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		return eventstest.Earlier{
			Undo: undoSegments(250_000),
			Store: eventstest.Store{
				Open: func(t testing.TB) events.Log { return open(t, path) },
				Exec: func(ctx context.Context, statements ...string) error { return exec(ctx, path, statements) },
			},
			Insert: func(ctx context.Context, r events.Recorded, payload string) error {
				if _, err := db.ExecContext(ctx, `UPDATE log_head SET position = position + 1, received = received + 1, recorded_at = ?`, r.RecordedAt.UnixMicro()); err != nil {
					return err
				}
				_, err := db.ExecContext(ctx, `
INSERT INTO events (position, occurred_at, recorded_at, type, id, digest, campaign, payload)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
					r.Position, r.OccurredAt.UnixMicro(), r.RecordedAt.UnixMicro(), r.Event.Type(), r.ID[:], r.Digest[:], string(r.Event.Subject()), payload)
				return err
			},
		}
	})
}
