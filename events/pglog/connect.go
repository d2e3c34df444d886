package pglog

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"

	"jangbu/events/pglog/schema"
	"jangbu/events/postgres"
)

// connect opens the database and applies the migrations of dir to the schema.
func connect(ctx context.Context, url, name string, files fs.FS, dir string, opts Options, inGo ...*goose.Migration) (*postgres.Database, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	var db *postgres.Database
	if opts.Beside != nil {
		db = opts.Beside.pool.Borrowed()
	} else {
		var err error
		db, err = postgres.Open(ctx, url, postgres.Options{
			Password: opts.Password, Connections: opts.Connections, Limits: opts.Limits, Logger: opts.Logger, Tracer: opts.Tracer,
			ReadOnly: opts.ReadOnly, Durable: opts.Durable, MaxSkew: opts.MaxSkew,
		})
		if err != nil {
			return nil, err
		}
	}
	if opts.ReadOnly {
		if err := schema.Check(ctx, db, name, files, dir, inGo...); err != nil {
			db.Close()
			return nil, err
		}
		return db, nil
	}
	if err := schema.Migrate(ctx, db, name, files, dir, opts.Logger, inGo...); err != nil {
		db.Close()
		return nil, fmt.Errorf("migrate %s: %w", name, err)
	}
	return db, nil
}
