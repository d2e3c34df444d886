package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// ownDatabase returns the environment of a process on a database of a server of the test's own.
func ownDatabase(t *testing.T, server *services.PostgresServer) []string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(key); err != nil {
		t.Fatal(err)
	}
	return []string{"JANGBU_DATABASE_URL=" + server.Database(t, "jangbu"), "JANGBU_MASTER_KEY_FILE=" + key}
}

// TestStandbyPromoted fails over to a standby that lacks the last 1,000 events, under a service that
// goes on: within 30 s they have been read again from Kafka, and everything equals an undisturbed
// twin (I13).
func TestStandbyPromoted(t *testing.T) {
	t.Parallel()
	primary := services.StartPostgres(t, "fsync=off")
	d := &drill{T: t, dir: t.TempDir(), redis: "redis://" + services.StartRedis(t).Addr, roles: []string{"all"}, environment: ownDatabase(t, primary)}
	standby := primary.Standby(t, "fsync=off")
	_, from, _ := net.SplitHostPort(primary.Addr)
	_, to, _ := net.SplitHostPort(standby.Addr)
	d.environment[0] = fmt.Sprintf("JANGBU_DATABASE_URL=postgres://jangbu@/jangbu?host=127.0.0.1,127.0.0.1&port=%s,%s&sslmode=disable&target_session_attrs=read-write", from, to)
	d.prepare()
	d.generate(300)
	d.equalsTwin(time.Minute)
	replica := headOf(t, standby.In(t, "jangbu"))
	waitFor(t, 20*time.Second, func() string {
		if here, there := replica(), d.leader().metric(t, "jangbu_log_head"); here < there {
			return fmt.Sprintf("the standby has %d of %d events", here, there)
		}
		return ""
	})
	standby.Detach(t)
	d.generate(1_150) // some of which are duplicates, and some malformed
	d.equalsTwin(time.Minute)
	lost := d.leader().metric(t, "jangbu_log_head") - replica()
	if lost < 1_000 {
		t.Fatalf("the standby lacks %d events only", lost)
	}
	primary.Kill(t)
	standby.Promote(t)
	began := time.Now()
	d.equalsTwin(30 * time.Second)
	t.Logf("%d events were missing: equal to the twin after %v", lost, time.Since(began).Round(time.Millisecond))
	d.environment[0] = "JANGBU_DATABASE_URL=" + standby.In(t, "jangbu")
	d.verify()
}

// headOf returns what reads the head of a log.
func headOf(t *testing.T, database string) func() int64 {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return func() (head int64) {
		if err := conn.QueryRow(t.Context(), `SELECT position FROM jangbu_log.log_head`).Scan(&head); err != nil {
			t.Fatal(err)
		}
		return head
	}
}

// failSerialization has commits of events, and of rows, of which one writes several generations,
// fail again and again as what cannot be serialized does, and each that has the isolation which
// the database gives by default.
const failSerialization = `
CREATE SEQUENCE public.links;
CREATE SEQUENCE public.generations;
CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('public.' || TG_TABLE_NAME) % TG_ARGV[0]::bigint = 1 OR current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE serialization_failure;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON jangbu_log.links DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.fail(2);
CREATE CONSTRAINT TRIGGER fail AFTER UPDATE ON jangbu_rows.generations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.fail(20)`

// TestHardDatabase has records ingested and folded while PostgreSQL refuses what it may refuse:
// nothing is lost, doubled or taken for a dead letter (I1, I5).
func TestHardDatabase(t *testing.T) {
	t.Parallel()
	server := services.StartPostgres(t, "fsync=off", "deadlock_timeout=10ms", "max_connections=20", "superuser_reserved_connections=0")
	environment := ownDatabase(t, server)
	p := runProgram(t, t.TempDir(), environment...)
	sent := 0
	produce := func(n int) {
		t.Helper()
		var records []events.Record
		for range n {
			campaign := fmt.Sprintf("evt-%d", sent%10)
			records = append(records, record("participant-registered", campaign,
				fmt.Sprintf(`{"participantId":"p-%d","eventId":"%s","phoneNumber":"010-5555-%04d"}`, sent, campaign, sent%10_000)))
			sent++
		}
		p.produce(t, records...)
	}
	// restarted gives every session the defaults of the database.
	restarted := func(t *testing.T) {
		server.Exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'jangbu'`)
	}
	for _, hard := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"serializable by default", func(t *testing.T) {
			server.Exec(t, `ALTER DATABASE jangbu SET default_transaction_isolation = 'serializable'`)
			restarted(t)
			produce(400)
		}},
		{"serialization failures", func(t *testing.T) {
			server.Exec(t, `ALTER ROLE jangbu SET default_transaction_isolation = 'repeatable read'`)
			restarted(t)
			conn, err := pgx.Connect(t.Context(), server.In(t, "jangbu"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
			if _, err := conn.Exec(t.Context(), failSerialization); err != nil {
				t.Fatal(err)
			}
			for links, generations, until := 0, 0, time.Now().Add(30*time.Second); links < 10 || generations < 40; {
				if time.Now().After(until) {
					t.Fatalf("%d links and %d generations were written", links, generations)
				}
				produce(20)
				p.settled(t, events.Totals{Head: events.Position(sent)}, 30*time.Second)
				if err := conn.QueryRow(t.Context(), `SELECT l.last_value, g.last_value FROM public.links AS l, public.generations AS g`).Scan(&links, &generations); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := conn.Exec(t.Context(), `DROP FUNCTION public.fail() CASCADE`); err != nil {
				t.Fatal(err)
			}
		}},
		{"statement_timeout by default", func(t *testing.T) {
			server.Exec(t, `ALTER DATABASE jangbu SET statement_timeout = '20ms'`)
			restarted(t)
			produce(400)
			p.settled(t, events.Totals{Head: events.Position(sent)}, 30*time.Second)
			server.Exec(t, `ALTER DATABASE jangbu RESET statement_timeout`)
			restarted(t)
		}},
		{"deadlocks", func(t *testing.T) {
			conn, err := pgx.Connect(t.Context(), server.In(t, "jangbu"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
			for deadlocks, until := 0, time.Now().Add(30*time.Second); deadlocks < 3; {
				if time.Now().After(until) {
					t.Fatalf("there were %d deadlocks", deadlocks)
				}
				produce(20)
				for _, statement := range []string{`BEGIN`, `SELECT FROM jangbu_rows.store FOR UPDATE`, `SELECT pg_sleep(0.05)`, `SELECT FROM jangbu_rows.generations FOR UPDATE`} {
					if _, err := conn.Exec(t.Context(), statement); err != nil {
						t.Logf("%s: %v", statement, err)
						break
					}
				}
				if _, err := conn.Exec(t.Context(), `ROLLBACK`); err != nil {
					t.Fatal(err)
				}
				if err := conn.QueryRow(t.Context(), `SELECT deadlocks FROM pg_stat_database WHERE datname = 'jangbu'`).Scan(&deadlocks); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"no connection is left", func(t *testing.T) {
			var all []*pgx.Conn
			for cut := false; ; cut = true {
				for {
					conn, err := pgx.Connect(t.Context(), server.URL)
					if err != nil {
						break
					}
					all = append(all, conn)
				}
				if cut {
					break
				}
				if _, err := all[0].Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'jangbu'`); err != nil {
					t.Fatal(err)
				}
			}
			produce(200)
			time.Sleep(500 * time.Millisecond) // for which nothing can be appended
			for _, conn := range all {
				_ = conn.Close(t.Context())
			}
		}},
	} {
		t.Run(hard.name, func(t *testing.T) {
			hard.do(t)
			if got := p.settled(t, events.Totals{Head: events.Position(sent)}, 30*time.Second); got.DeadLettered > 0 || got.Head != events.Position(sent) {
				t.Errorf("of %d records the log has %+v", sent, got)
			}
		})
	}
	var participants int64
	for i := range 10 {
		participants += p.dashboard(t, fmt.Sprintf("evt-%d", i)).Summary.TotalParticipants
	}
	if participants != int64(sent) {
		t.Errorf("%d participants are served of %d", participants, sent)
	}
	var stdout, stderr bytes.Buffer
	if code := cli.Run(t.Context(), &commands{}, []string{"verify", "--database-url", server.In(t, "jangbu")}, cli.Terminal{Out: &stdout, Err: &stderr}); code != cli.ExitDone {
		t.Errorf("verify exits with %d\n%s%s", code, &stdout, &stderr)
	}
}
