package pglog_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"jangbu/events"
	"jangbu/events/eventstest"
	"jangbu/events/eventstest/services"
)

func TestUpgrade(t *testing.T) {
	eventstest.TestUpgrade(t, func(t testing.TB) eventstest.Earlier {
		url := services.Database(t)
		config, err := pgx.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		db := stdlib.OpenDB(*config)
		t.Cleanup(func() { _ = db.Close() })
		if _, err := db.ExecContext(t.Context(), `CREATE SCHEMA jangbu_log`); err != nil {
			t.Fatal(err)
		}
		provider, err := goose.NewProvider(goose.DialectPostgres, db, os.DirFS("migrations"),
			goose.WithTableName("jangbu_log.goose_db_version"), goose.WithDisableGlobalRegistry(true))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := provider.UpTo(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		return eventstest.Earlier{
			Undo: undoSegments(1_000_000),
			Store: eventstest.Store{
				Open: func(t testing.TB) events.Log { return open(t, url) },
				Exec: func(ctx context.Context, statements ...string) error { return exec(ctx, url, statements) },
			},
			Insert: func(ctx context.Context, r events.Recorded, payload string) error {
				_, err := db.ExecContext(ctx, `
WITH counted AS (UPDATE jangbu_log.log_head SET position = position + 1, received = received + 1, recorded_at = $3)
INSERT INTO jangbu_log.events (position, occurred_at, recorded_at, type, id, digest, campaign, payload)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
					r.Position, r.OccurredAt, r.RecordedAt, r.Event.Type(), r.ID.String(), r.Digest[:], string(r.Event.Subject()), payload)
				return err
			},
		}
	})
}
