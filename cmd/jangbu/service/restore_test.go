package service

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// TestRestoredUnderRunningProcesses puts an older copy of the database in its place under
// processes that go on running, as a failover to a standby that lags does: these serve what
// the copy holds and nothing of what was lost, and once ingestion has begun anew, all of it
// (I13).
func TestRestoredUnderRunningProcesses(t *testing.T) {
	t.Parallel()
	const campaigns = 8
	database := services.Database(t)
	redis := services.StartRedis(t)
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", Partitions: Partitions, Topics: stores.DefaultTopics().TopicNames()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	key := filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(key); err != nil {
		t.Fatal(err)
	}
	config := func(roles ...string) Config {
		cfg := testConfig(t.TempDir())
		cfg.DatabaseURL, cfg.MasterKeyFile, cfg.RedisURL, cfg.Role = database, key, "redis://"+redis.Addr, roles
		cfg.KafkaBrokers, cfg.HistoryEvery = []string{broker.Addr()}, 500*time.Millisecond
		return cfg
	}
	producer, err := kafka.NewProducer(kafka.Config{Brokers: []string{broker.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = producer.Close() })
	run := func(roles ...string) (b *bundle, stop func()) {
		t.Helper()
		s, err := Start(t.Context(), config(roles...), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		stop = sync.OnceFunc(func() {
			if err := s.Stop(); err != nil {
				t.Errorf("stop %q: %v", roles, err)
			}
		})
		t.Cleanup(stop)
		return &bundle{Service: s, producer: producer}, stop
	}
	// served returns the participants of each campaign, by another process each time.
	served := func(readers ...*bundle) map[string]int64 {
		t.Helper()
		var all map[string]int64
		for _, b := range readers {
			now := make(map[string]int64)
			for c := range campaigns {
				id := fmt.Sprintf("evt-%d", c)
				status, body := b.get(t, "/api/events/"+id+"/analytics")
				var d struct {
					Summary struct {
						TotalParticipants int64 `json:"totalParticipants"`
					} `json:"summary"`
				}
				if status != http.StatusOK || json.Unmarshal(body, &d) != nil {
					now[id] = -int64(status)
					continue
				}
				now[id] = d.Summary.TotalParticipants
			}
			if all != nil && !cmp.Equal(all, now) {
				return map[string]int64{"the processes differ": -1}
			}
			all = now
		}
		return all
	}
	registered := 0
	register := func(b *bundle, n int) {
		t.Helper()
		records := make([]events.Record, n)
		for i := range records {
			id := fmt.Sprintf("evt-%d", registered%campaigns)
			records[i] = record("participant-registered", id,
				fmt.Sprintf(`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-5555-%04d"}`, registered, id, registered))
			registered++
		}
		b.produce(t, records...)
	}
	each := func(n int64) map[string]int64 {
		all := make(map[string]int64)
		for c := range campaigns {
			all[fmt.Sprintf("evt-%d", c)] = n
		}
		return all
	}
	reaches := func(limit time.Duration, want map[string]int64, readers ...*bundle) {
		t.Helper()
		waitFor(t, limit, func() string { return cmp.Diff(want, served(readers...)) })
	}

	_, stopIngest := run("ingest")
	first, stopFirst := run("project", "api")
	register(first, 40*campaigns)
	reaches(time.Minute, each(40), first)
	stopFirst()
	stopIngest()
	name := databaseName(t, database)
	copies := []string{name + "_copy", name + "_again"}
	for _, c := range copies {
		administer(t, "CREATE DATABASE "+c+" TEMPLATE "+name)
		t.Cleanup(func() {
			administer(t, "DROP DATABASE IF EXISTS "+c+" WITH (FORCE)", "DROP DATABASE IF EXISTS "+c+"_lost WITH (FORCE)")
		})
	}
	restore := func(c string) {
		t.Helper()
		administer(t, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false",
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'",
			"ALTER DATABASE "+name+" RENAME TO "+c+"_lost", "ALTER DATABASE "+c+" RENAME TO "+name)
	}

	_, stopIngest = run("ingest")
	leader, _ := run("project", "api")
	other, _ := run("api")
	readers := []*bundle{leader, other}
	register(readers[0], 125*campaigns)
	reaches(time.Minute, each(165), readers...)
	reaches(time.Minute, each(165), readers...) // Redis has it
	stopIngest()
	restore(copies[0])
	reaches(30*time.Second, each(40), readers...)
	newcomer, _ := run("api") // which has only Redis and the rows
	for range 40 {
		if diff := cmp.Diff(each(40), served(readers[0], readers[1], newcomer)); diff != "" {
			t.Fatalf("served of the lost history (-want +got):\n%s", diff)
		}
		time.Sleep(25 * time.Millisecond)
	}

	run("ingest")
	readers = append(readers, newcomer)
	reaches(30*time.Second, each(165), readers...)

	// Ingestion that goes on running reads again what the copy has not read, and passes
	// over nothing of it.
	restore(copies[1])
	register(readers[0], campaigns)
	reaches(30*time.Second, each(166), readers...)
}

func databaseName(t *testing.T, database string) string {
	t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(address.Path, "/")
}

// administer runs statements on the server of the tests' databases.
func administer(t *testing.T, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, os.Getenv("JANGBU_TEST_DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
