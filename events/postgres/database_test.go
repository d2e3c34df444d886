package postgres_test

import (
	"crypto/rand"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"jangbu/events/eventstest/services"
	"jangbu/events/postgres"
)

// TestPasswordIsReadForEachConnection replaces a user's password under a pool that goes on, on
// connections that it makes anew; and the server's certificate is verified on each.
func TestPasswordIsReadForEachConnection(t *testing.T) {
	t.Parallel()
	database := services.Database(t)
	admin, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	user := "jangbu_test_" + strings.ToLower(rand.Text())
	exec := func(statement string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec(`CREATE ROLE ` + user + ` LOGIN PASSWORD 'first'`)
	t.Cleanup(func() { _ = admin.Close(t.Context()) })
	defer exec(`DROP ROLE ` + user)

	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.User(user)
	at.RawQuery = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {services.DatabaseCA(t)}}.Encode()
	var password atomic.Pointer[string]
	password.Store(new("first"))
	db, err := postgres.Open(t.Context(), at.String(), postgres.Options{Password: func() (string, error) { return *password.Load(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	connect := func() error {
		db.Reset() // its connections are made anew
		var encrypted bool
		err := db.QueryRow(t.Context(), `SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`).Scan(&encrypted)
		if err == nil && !encrypted {
			t.Error("a connection is not encrypted")
		}
		return err
	}
	if err := connect(); err != nil {
		t.Fatal(err)
	}
	exec(`ALTER ROLE ` + user + ` PASSWORD 'second'`)
	refused, ok := errors.AsType[*pgconn.PgError](connect())
	if !ok || refused.Code != "28P01" {
		t.Errorf("with the former password: %v", refused)
	}
	password.Store(new("second"))
	if err := connect(); err != nil {
		t.Errorf("with the new password: %v", err)
	}
}
