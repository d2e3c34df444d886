package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/stores"
)

// place is where one measurement keeps its log and its rows.
type place struct {
	stores.Config
	database string                      // on PostgreSQL
	drop     func(context.Context) error // removes it
}

// newPlace makes a database beside the one that the URL of a PostgreSQL server names, or
// a temporary directory where there is no URL.
func newPlace(ctx context.Context, server string) (at place, err error) {
	if server == "" {
		if at.DataDir, err = os.MkdirTemp("", "jangbu-bench-"); err != nil {
			return at, fmt.Errorf("make temporary directory: %w", err)
		}
		at.drop = func(context.Context) error { return os.RemoveAll(at.DataDir) }
		return at, nil
	}
	own, err := url.Parse(server)
	if err != nil {
		return at, errors.New("make scratch database: the URL cannot be read")
	}
	at.database = "jangbu_bench_" + strings.ToLower(rand.Text())
	own.Path = "/" + at.database
	at.DatabaseURL, at.Connections = own.String(), stores.DefaultConnections
	// An interrupted one would leave the database, because the server goes on.
	if err := administer(context.WithoutCancel(ctx), server, "CREATE DATABASE "+at.database); err != nil {
		return at, fmt.Errorf("make scratch database: %w", err)
	}
	at.drop = func(ctx context.Context) error {
		// Not WITH (FORCE), which demands the right to end the server's own processes, as one
		// that vacuums it. This ends those, and waits for sessions that are closing.
		return administer(ctx, server, "DROP DATABASE "+at.database)
	}
	return at, nil
}

func administer(ctx context.Context, server, statement string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
