package service

import (
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// TestAPIOnAStandby serves the read API from a hot standby, as a role that may only SELECT. It waits
// until a process that writes has made the schemas; one that writes is refused there.
func TestAPIOnAStandby(t *testing.T) {
	t.Parallel()
	primary := services.StartPostgres(t, "fsync=off")
	database := primary.Database(t, "jangbu")
	for _, statement := range []string{
		`CREATE ROLE reader LOGIN`,
		`ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO reader`,
		`ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader`,
	} {
		primary.ExecIn(t, "jangbu", statement)
	}
	standby := primary.Standby(t)
	replica, err := url.Parse(standby.In(t, "jangbu"))
	if err != nil {
		t.Fatal(err)
	}
	replica.User = url.User("reader")

	serves := testConfig(t.TempDir())
	serves.Role, serves.DatabaseURL, serves.AdminAddr = []string{roleAPI}, replica.String(), freeAddress(t)
	api := make(chan *bundle, 1)
	t.Run("starts before its schemas", func(t *testing.T) {
		go func() {
			b := &bundle{log: &lockedBuffer{}}
			var err error
			if b.Service, err = Start(t.Context(), serves, slog.New(slog.NewJSONHandler(b.log, nil))); err != nil {
				t.Error(err)
			}
			api <- b
		}()
		waitFor(t, 20*time.Second, func() string {
			if _, parts := readiness(t, serves.AdminAddr); !strings.Contains(parts, "log: ") || !strings.Contains(parts, "no process that writes") {
				return parts
			}
			return ""
		})

		writes := testConfig(t.TempDir())
		writes.Role, writes.DatabaseURL, writes.MasterKeyFile = []string{roleIngest, roleProject}, database, filepath.Join(t.TempDir(), "master.key")
		if _, err := privacy.CreateMasterKey(writes.MasterKeyFile); err != nil {
			t.Fatal(err)
		}
		b := setup(t, writes)
		b.produce(t,
			record("event-created", "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"t","objective":"o"}`),
			record("participant-registered", "evt-1", `{"participantId":"p-1","eventId":"evt-1","phoneNumber":"010-1234-5678"}`))
		b.settled(t, events.Totals{Head: 2}, 20*time.Second)

		reader := <-api
		if reader.Service == nil {
			t.FailNow()
		}
		defer func() {
			if err := reader.Stop(); err != nil {
				t.Error(err)
			}
		}()
		waitFor(t, 20*time.Second, func() string {
			if d, _ := reader.dashboard(t, "evt-1"); d.Summary.TotalParticipants != 1 {
				return "the standby has not got there"
			}
			return ""
		})
		for _, path := range []string{
			"/api/events/evt-1/analytics?asOf=1", "/api/events/evt-1/analytics/evidence?card=totalParticipants", "/api/events/evt-1/digest", "/api/stores/store-1/events",
		} {
			if status, body := reader.get(t, path); status != http.StatusOK {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
		if status, parts := readiness(t, serves.AdminAddr); status != http.StatusOK {
			t.Errorf("it is not ready: %s", parts)
		}
		for line := range strings.Lines(reader.log.String()) {
			if !strings.Contains(line, `"level":"INFO"`) && !strings.Contains(line, "start: waits for ") {
				t.Errorf("it complains: %s", line)
			}
		}
	})

	mistaken := testConfig(t.TempDir())
	mistaken.Role, mistaken.DatabaseURL = []string{roleProject}, standby.In(t, "jangbu")
	if s, err := Start(t.Context(), mistaken, slog.New(slog.DiscardHandler)); err == nil {
		_ = s.Stop()
		t.Error("a process that writes starts on a standby")
	} else if !strings.Contains(err.Error(), "the database is a standby, which takes no writes") {
		t.Error(err)
	}
}

// TestUnsafeDatabase: a server that may lose what it has committed, or has another time, is refused.
func TestUnsafeDatabase(t *testing.T) {
	t.Parallel()
	server := services.StartPostgres(t)
	database := server.Database(t, "jangbu")
	server.ExecIn(t, "jangbu", `CREATE SCHEMA wrong`)
	server.ExecIn(t, "jangbu", `CREATE FUNCTION wrong.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT pg_catalog.clock_timestamp() - interval '7 s' $$`)
	start := func(t *testing.T, database string, insecure bool) error {
		cfg := testConfig(t.TempDir())
		cfg.Role, cfg.DatabaseURL, cfg.InsecureDatabase = []string{roleProject}, database, insecure
		s, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err == nil {
			err = s.Stop()
		}
		return err
	}
	refused := func(database, want string) {
		t.Helper()
		if err := start(t, database, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Start: %v, want %q", err, want)
		}
	}
	if err := start(t, database, false); err != nil {
		t.Error(err)
	}
	refused(database+"&search_path=wrong,pg_catalog", "the clocks of the database and of this machine are ")
	refused(database+"&synchronous_commit=off", "synchronous_commit is off in the database")
	for _, setting := range []string{"fsync", "full_page_writes"} {
		server.Exec(t, `ALTER SYSTEM SET `+setting+` = off`)
		server.Stop(t)
		server.Start(t)
		refused(database, setting+" is off in the database, so that a crash may lose what was committed: turn it on, or give --insecure-database")
		if err := start(t, database, true); err != nil {
			t.Errorf("with --insecure-database: %v", err)
		}
		server.Exec(t, `ALTER SYSTEM RESET `+setting)
	}
}
