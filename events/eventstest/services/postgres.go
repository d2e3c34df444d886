package services

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long creating or dropping a database may take.
const patience = time.Minute

// pause lies between two looks at whether a server has got so far: looks are work, too.
const pause = 10 * time.Millisecond

// Database creates an empty database, with options of CREATE DATABASE, and returns its
// URL. The database is dropped when the test ends.
func Database(t testing.TB, options ...string) string {
	t.Helper()
	admin := service(t, "JANGBU_TEST_DATABASE_URL", "AGAINST POSTGRESQL")
	address, err := url.Parse(admin)
	if err != nil || address.Scheme == "" {
		t.Fatal("JANGBU_TEST_DATABASE_URL: expected a URL such as postgres://postgres@127.0.0.1:5432/postgres")
	}
	name := "jangbu_test_" + strings.ToLower(rand.Text())
	create(t, admin, `CREATE DATABASE `+name+` `+strings.Join(options, " "))
	t.Cleanup(func() { administer(t, admin, `DROP DATABASE `+name+` WITH (FORCE)`) })
	address.Path = "/" + name
	return address.String()
}

// Template makes a database, has prepare fill it, and returns the option with which [Database]
// makes copies of it. It is dropped when the test ends, after its subtests.
func Template(t testing.TB, prepare func(database string)) (option string) {
	t.Helper()
	database := Database(t)
	prepare(database)
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(address.Path, "/")
	// What has connections is not copied. A pooler keeps some.
	administer(t, service(t, "JANGBU_TEST_DATABASE_URL", "AGAINST POSTGRESQL"),
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '`+name+`'`)
	return "TEMPLATE " + name
}

// strategy is the cheaper way to copy a database where no sync has to be waited for: as files, which takes
// checkpoints, and not block by block through the write-ahead log. Before 15 it is the only one.
const strategy = `
SELECT CASE WHEN current_setting('fsync') = 'off' AND current_setting('server_version_num')::int >= 150000
    THEN ' STRATEGY file_copy' ELSE '' END`

func create(t testing.TB, admin, statement string) {
	t.Helper()
	connected(t, admin, func(ctx context.Context, conn *pgx.Conn) error {
		var by string
		if err := conn.QueryRow(ctx, strategy, pgx.QueryExecModeExec).Scan(&by); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, statement+by); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
		return nil
	})
}

// administer runs one statement on a connection of its own. The test's context
// is over when its clean-up runs, so it has another.
func administer(t testing.TB, admin, statement string) {
	t.Helper()
	connected(t, admin, func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
		return nil
	})
}

func connected(t testing.TB, admin string, f func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		t.Fatalf("connect to JANGBU_TEST_DATABASE_URL: %v", err)
	}
	err = f(ctx, conn)
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		t.Fatal(err)
	}
}
