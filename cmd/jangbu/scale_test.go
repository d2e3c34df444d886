package main

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/service"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
	"jangbu/events/synthetic"
)

// TestTwoIngestProcesses measures how much more of a backlog two processes take that ingest than
// one, of Apache Kafka into PostgreSQL: half as much again, or the log is the limit, whose
// transactions are one after the other. The head row is held for the whole of each (I2). Then a
// third process folds beside the two, and its rows keep up.
// JANGBU_TEST_SCALE is how many registrations wait; without it there is no test.
func TestTwoIngestProcesses(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_SCALE"))
	if err != nil {
		return
	}
	broker := services.Kafka(t)
	topics, environment := kafkaEnvironment(t, broker)
	client := kafka.Config{Brokers: []string{broker}}
	if err := kafka.EnsureTopics(t.Context(), client, service.Partitions, topics.TopicNames()...); err != nil {
		t.Fatal(err)
	}
	producer, err := kafka.NewProducer(client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = producer.Close() })
	traffic, err := synthetic.New(synthetic.Config{Seed: 1, Campaigns: 1000, Start: time.Now().Add(-time.Hour), Topics: topics.Topics()})
	if err != nil {
		t.Fatal(err)
	}
	records := traffic.Campaigns()
	all := len(records) + n
	for left := n; ; {
		if err := producer.Produce(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			break
		}
		records = records[:0]
		for range min(left, 20_000) {
			records = append(records, traffic.Next())
		}
		left -= len(records)
	}
	one, two := new(ingested), new(ingested)
	for range 3 {
		one.add(t, environment, 1, int64(all))
		two.add(t, environment, 2, int64(all))
	}
	beside := new(ingested)
	behind := beside.add(t, environment, 2, int64(all), "project")
	t.Logf("2 processes, and one that folds: %.0f events/s; the rows are complete %v after the log", beside.rates[0], behind.Round(time.Millisecond))
	if behind > keepsUp {
		t.Errorf("the rows are complete %v after the log, want %v", behind, keepsUp)
	}
	slices.Sort(one.rates)
	slices.Sort(two.rates)
	more := two.rates[1] / one.rates[1]
	t.Logf("1 process %.0f events/s, the head is held %.0f %% of the time; 2 processes %.0f events/s, %.0f %%: %.2f times as many",
		one.rates[1], 100*one.share(), two.rates[1], 100*two.share(), more)
	if more < 1.5 && two.share() < 0.8 {
		t.Errorf("two processes take %.2f times what one does, and the log is not the limit", more)
	}
}

// keepsUp is how long after the log the rows are complete where the projections keep up.
const keepsUp = 2 * time.Second

// ingested is what runs have measured of as many processes.
type ingested struct {
	rates      []float64 // events a second, between a tenth and nine tenths of all
	held, seen int       // looks at the database: at which a transaction held the head row, and all
}

// share returns for how much of the time the head row was held.
func (i *ingested) share() float64 { return float64(i.held) / float64(i.seen) }

// countHolders counts the transactions that have written, but those that wait for another: of
// processes that ingest alone, those that hold the head row.
const countHolders = `
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
AND backend_xid IS NOT NULL AND wait_event_type IS DISTINCT FROM 'Lock'`

// add has as many processes take everything, beside one for each of the other roles. With these it
// returns how long after the log the rows have all of it.
func (i *ingested) add(t *testing.T, environment []string, processes int, all int64, others ...string) (behind time.Duration) {
	t.Helper()
	database := services.Database(t)
	key := filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(key); err != nil {
		t.Fatal(err)
	}
	environment = append(slices.Clone(environment), "JANGBU_DATABASE_URL="+database, "JANGBU_MASTER_KEY_FILE="+key,
		"JANGBU_KAFKA_GROUP=scale-"+strings.ToLower(rand.Text()))
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var programs []*program
	for _, role := range append(slices.Repeat([]string{"ingest"}, processes), others...) {
		programs = append(programs, startKillable(t, t.TempDir(), append(slices.Clone(environment), "JANGBU_ROLE="+role)))
	}
	until := func(position string, want int64, count func()) (reached int64, at time.Time) {
		waitFor(t, 5*time.Minute, func() string {
			count()
			err := conn.QueryRow(t.Context(), position).Scan(&reached)
			if err != nil {
				t.Fatal(err)
			}
			at = time.Now()
			return lessThan(reached, want)
		})
		return reached, at
	}
	const head, folded = `SELECT position FROM jangbu_log.log_head`, `SELECT coalesce(min(position), 0) FROM jangbu_rows.generations`
	from, began := until(head, all/10, func() {})
	to, ended := until(head, all*9/10, func() {
		var holders int
		if err := conn.QueryRow(t.Context(), countHolders).Scan(&holders); err != nil {
			t.Fatal(err)
		}
		i.seen++
		i.held += min(holders, 1)
	})
	i.rates = append(i.rates, float64(to-from)/ended.Sub(began).Seconds())
	if len(others) > 0 {
		_, appended := until(head, all, func() {})
		_, complete := until(folded, all, func() {})
		behind = complete.Sub(appended)
	}
	for _, p := range programs {
		p.stop(t)
	}
	return behind
}
