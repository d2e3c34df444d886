package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// TestConnections has two processes of the fewest connections ingest and fold, a rebuild and
// verifications beside them, on a server that has not one connection more to give: none has more
// than its own, none waits for another for ever, and an operator's command gets through.
func TestConnections(t *testing.T) {
	t.Parallel()
	const processes, watch = 2, 1
	server := services.StartPostgres(t, fmt.Sprintf("max_connections=%d", (processes+1)*stores.MinConnections+watch), "superuser_reserved_connections=0", "fsync=off")
	database := server.Database(t, "jangbu")
	key := filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(key); err != nil {
		t.Fatal(err)
	}
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", Partitions: 12, Topics: stores.DefaultTopics().TopicNames()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	var first *program
	for i := range processes {
		p := runProgram(t, t.TempDir(), fmt.Sprintf("JANGBU_DATABASE_URL=%s&application_name=process-%d", database, i),
			"JANGBU_MASTER_KEY_FILE="+key, "JANGBU_KAFKA_BROKERS="+broker.Addr(), fmt.Sprintf("JANGBU_DATABASE_CONNECTIONS=%d", stores.MinConnections))
		if first == nil {
			first = p
			first.broker = broker.Addr()
		}
	}
	watched, most := watchConnections(t, database)
	const registrations, campaigns = 4_000, 20
	var records []events.Record
	for i := range registrations {
		campaign := fmt.Sprintf("evt-%d", i%campaigns)
		records = append(records, record("participant-registered", campaign,
			fmt.Sprintf(`{"participantId":"p-%d","eventId":"%s","phoneNumber":"010-5555-%04d"}`, i, campaign, i)))
	}
	run := func(args ...string) {
		var stdout, stderr bytes.Buffer
		args = append(args, "--database-url", database+"&application_name=command")
		if code := cli.Run(t.Context(), &commands{}, args, cli.Terminal{Out: &stdout, Err: &stderr}); code != cli.ExitDone {
			t.Errorf("%q exits with %d\n%s%s", args, code, &stdout, &stderr)
		}
	}
	first.produce(t, records[:registrations/2]...)
	var asked sync.WaitGroup
	asked.Go(func() { first.produce(t, records[registrations/2:]...) })
	run("projections", "rebuild", "--all", "--why", "test")
	run("verify")
	asked.Wait()
	first.settled(t, events.Totals{Head: registrations}, time.Minute)
	run("verify")
	watched()
	for name, n := range most {
		if n > stores.MinConnections {
			t.Errorf("%s had %d connections, more than %d", name, n, stores.MinConnections)
		}
	}
	if len(most) != processes+1 {
		t.Errorf("connections were seen of %v", most)
	}

	if _, complaint, code := command(t, "serve", "--insecure-no-auth", "--data-dir", t.TempDir(), "--database-connections", "5"); code != cli.ExitUsage || !strings.Contains(complaint, "--database-connections: 5 are too few") {
		t.Errorf("5 connections: exit %d: %s", code, complaint)
	}
}

// watchConnections notes the most connections that each program has at once, until the function
// that it returns is called.
func watchConnections(t *testing.T, database string) (stop func(), most map[string]int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database+"&application_name=watch")
	if err != nil {
		t.Fatal(err)
	}
	most = make(map[string]int)
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			rows, err := conn.Query(ctx, `SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'watch' GROUP BY 1`)
			if err != nil {
				return
			}
			var name string
			var n int
			if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { most[name] = max(most[name], n); return nil }); err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
				return
			}
		}
	})
	return func() { cancel(); watching.Wait() }, most
}
