package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"jangbu/events/eventstest/services"
	"jangbu/events/postgres"
)

func TestAway(t *testing.T) {
	t.Parallel()
	_, refused := pgx.Connect(t.Context(), "postgres://stranger@127.0.0.1:1/none?connect_timeout=5")
	conn, err := pgx.Connect(t.Context(), services.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(t.Context())
	_, closed := tx.Exec(t.Context(), "SELECT 1")
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"none":               {nil, false},
		"refused":            {refused, true},
		"reset":              {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		"ended":              {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true},
		"shut down":          {&pgconn.PgError{Code: "57P01"}, true},
		"starting":           {&pgconn.PgError{Code: "57P03"}, true},
		"no connection left": {&pgconn.PgError{Code: "53300"}, true},
		"a full disk":        {&pgconn.PgError{Code: "53100"}, true},
		"closed before":      {closed, true},
		"of the connection":  {&pgconn.PgError{Code: "08006"}, true},
		"a wrong statement":  {&pgconn.PgError{Code: "42601"}, false},
		"cancelled":          {context.Canceled, false},
		"out of time":        {fmt.Errorf("read: %w", context.DeadlineExceeded), false},
		"no rows":            {pgx.ErrNoRows, false},
		"another":            {errors.New("away"), false},
	} {
		if got := postgres.Away(test.err); got != test.want {
			t.Errorf("%s: %t for %v", name, got, test.err)
		}
	}
}
