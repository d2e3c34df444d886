//go:build unix

package services_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events/eventstest/services"
)

// TestServers holds what tests rest on: what a server has committed is there after it was killed,
// a frozen one does not answer, and a standby has what was committed before it was detached.
func TestServers(t *testing.T) {
	t.Parallel()
	p := services.StartPostgres(t, "max_connections=20")
	database := p.Database(t, "jangbu")
	exec(t, database, `CREATE TABLE kept AS SELECT 1 AS n`)
	open := connect(t, database)
	p.Kill(t)
	if err := open.Ping(t.Context()); err == nil {
		t.Error("a session outlived its server")
	}
	p.Start(t)
	standby := p.Standby(t)
	standby.Detach(t)
	exec(t, database, `INSERT INTO kept VALUES (2)`)
	standby.Promote(t)
	exec(t, standby.In(t, "jangbu"), `INSERT INTO kept VALUES (3), (4)`)
	for address, want := range map[string]int{database: 2, standby.In(t, "jangbu"): 3} {
		var got int
		if err := connect(t, address).QueryRow(t.Context(), `SELECT count(*) FROM kept`).Scan(&got); err != nil || got != want {
			t.Errorf("%s has %d rows, %v; want %d", address, got, err, want)
		}
	}

	p.Freeze(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := pgx.Connect(ctx, database); err == nil {
		t.Error("a frozen server answers")
	}
	p.Thaw(t)
	exec(t, database, `INSERT INTO kept VALUES (5)`)
	p.Stop(t)
	p.Start(t)

	redis := services.StartRedis(t)
	redis.Kill(t)
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", redis.Addr); err == nil {
		_ = conn.Close()
		t.Error("a killed Redis answers")
	}
	redis.Start(t)
}

func connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func exec(t *testing.T, database, statement string) {
	t.Helper()
	if _, err := connect(t, database).Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
