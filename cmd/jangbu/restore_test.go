package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/service"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
	"jangbu/events/synthetic"
)

// restores is how often each variant of TestRestoreDrill restores a copy, unless
// JANGBU_TEST_RESTORES says otherwise.
const restores = 1

// TestRestoreDrill copies the database at a random moment, goes on for 1,000 events, puts the
// copy, and at last an empty database, in the place of what there was, and starts again:
// within 30 s everything equals an undisturbed twin that reads the same topics, and nothing
// of the lost history is served, though Redis holds it (I13).
func TestRestoreDrill(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*drill){
		"SQLite":                    (*drill).onFiles,
		"SQLite, split by role":     func(d *drill) { d.onFiles(); d.split() },
		"PostgreSQL":                (*drill).onPostgres,
		"PostgreSQL, split by role": func(d *drill) { d.onPostgres(); d.split() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &drill{T: t, dir: t.TempDir(), redis: "redis://" + services.StartRedis(t).Addr, roles: []string{"all"}}
			open(d)
			d.run()
		})
	}
}

// drill is a service in the database of which copies are restored, and its twin.
type drill struct {
	*testing.T
	dir         string
	redis       string   // the URL
	roles       []string // of each process; the first makes the schemas, for which the API waits
	environment []string
	// save keeps a copy of the database, which load puts in its place; empty makes it empty.
	save, load, empty func()

	broker    *embedded.Broker
	producer  *kafka.Producer
	generator *synthetic.Generator
	campaigns []string
	produced  int64 // records
	twin      *program
	programs  []*program
	doing     map[string]*program // by role
}

func (d *drill) onFiles() {
	t := d.T
	copied := t.TempDir()
	move := func(to, from string) func() {
		return func() {
			err := os.RemoveAll(to)
			if err == nil { // with the files' modes, as an operator does it
				err = exec.CommandContext(t.Context(), "cp", "-a", from, to).Run()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	d.save, d.load = move(copied, d.dir), move(d.dir, copied)
	d.empty = func() {
		if err := errors.Join(os.RemoveAll(d.dir), os.Mkdir(d.dir, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *drill) onPostgres() {
	t := d.T
	database := services.Database(t)
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(address.Path, "/")
	key := filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(key); err != nil {
		t.Fatal(err)
	}
	d.environment = []string{"JANGBU_DATABASE_URL=" + database, "JANGBU_MASTER_KEY_FILE=" + key}
	drop := func(name string) string { return "DROP DATABASE IF EXISTS " + name + " WITH (FORCE)" }
	d.save = func() { administer(t, drop(name+"_copy"), "CREATE DATABASE "+name+"_copy TEMPLATE "+name) }
	d.load = func() { administer(t, drop(name), "CREATE DATABASE "+name+" TEMPLATE "+name+"_copy") }
	d.empty = func() { administer(t, drop(name), "CREATE DATABASE "+name) }
	t.Cleanup(func() { administer(t, drop(name+"_copy")) })
}

// split runs a process for each role.
func (d *drill) split() { d.roles = []string{"project", "api", "ingest"} }

// administer runs statements on the server of the tests' databases.
func administer(t *testing.T, statements ...string) {
	t.Helper()
	administerIn(t, os.Getenv("JANGBU_TEST_DATABASE_URL"), statements...)
}

// administerIn runs statements in a database.
func administerIn(t *testing.T, database string, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, database)
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

// seed is that of the drills.
const seed = 20261129

// prepare starts the service and its twin, which then have the same.
func (d *drill) prepare() {
	var err error
	d.broker, err = embedded.Start(d.Context(), embedded.Config{Listen: "127.0.0.1:0", Partitions: service.Partitions, Topics: stores.DefaultTopics().TopicNames()})
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(d.broker.Close)
	if d.producer, err = kafka.NewProducer(kafka.Config{Brokers: []string{d.broker.Addr()}}); err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = d.producer.Close() })
	start := time.Now()
	d.generator, err = synthetic.New(synthetic.Config{
		Seed: seed, Campaigns: 12, Start: start, Topics: stores.DefaultTopics().Topics(), DuplicateShare: 0.05, MalformedShare: 0.02,
	})
	if err != nil {
		d.Fatal(err)
	}
	campaigns := d.generator.Campaigns()
	for _, r := range campaigns {
		d.campaigns = append(d.campaigns, string(r.Key))
	}
	d.environment = append(d.environment, "JANGBU_KAFKA_BROKERS="+d.broker.Addr(), "JANGBU_REDIS_URL="+d.redis)
	d.twin = startKillable(d.T, d.TempDir(), []string{"JANGBU_KAFKA_BROKERS=" + d.broker.Addr(), "JANGBU_KAFKA_GROUP=twin"})
	d.start()
	d.produce(append(append(campaigns, d.generator.Distributions()...), d.generator.Stats(start)...)...)
	d.generate(100)
	d.equalsTwin(time.Minute)
}

func (d *drill) run() {
	random := rand.New(rand.NewPCG(seed, uint64(len(d.roles))))
	d.prepare()
	moments := restores
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_RESTORES")); err == nil {
		moments = n
	}
	for moment := range moments + 1 {
		d.generate(50 + random.IntN(300))
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond) // the random moment
		d.stop(random.IntN(2) == 0)
		d.save()
		d.start()
		d.generate(1_000)
		d.equalsTwin(time.Minute)
		for range 3 { // Redis has them
			d.dashboards(d.reader())
			time.Sleep(50 * time.Millisecond)
		}
		d.stop(random.IntN(2) == 0)
		order := d.roles
		if moment < moments {
			d.load()
			order = slices.SortedFunc(slices.Values(order), strings.Compare) // the API is not told by the leader
		} else {
			d.empty()
		}
		began := time.Now()
		d.startChecked(order)
		d.equalsTwin(30 * time.Second)
		d.Logf("moment %d: equal to the twin after %v", moment+1, time.Since(began).Round(time.Millisecond))
		d.verify()
	}
}

// reader returns the process with the API.
func (d *drill) reader() *program { return d.does("api") }

// leader returns the process whose metrics have the projections.
func (d *drill) leader() *program { return d.does("project") }

// does returns the process of a role; nil where it does not run.
func (d *drill) does(role string) *program {
	if p := d.doing[role]; p != nil {
		return p
	}
	return d.doing["all"]
}

func (d *drill) start() {
	d.Helper()
	for _, role := range d.roles {
		d.startRole(role)
	}
}

func (d *drill) startRole(role string) {
	d.Helper()
	p := startKillable(d.T, d.dir, append(d.environment, "JANGBU_ROLE="+role))
	if d.doing == nil {
		d.doing = make(map[string]*program)
	}
	d.doing[role] = p
	d.programs = append(d.programs, p)
}

// startChecked starts the processes in an order; from the first answer on, no dashboards
// together count more participants than the log has events.
func (d *drill) startChecked(order []string) {
	d.Helper()
	for _, role := range order {
		d.startRole(role)
		for i := 0; i < 20 && d.reader() != nil; i++ {
			var participants int64
			for _, served := range d.dashboards(d.reader()) {
				participants += served.Summary.TotalParticipants
			}
			if head := d.reader().metric(d.T, "jangbu_log_head"); participants > head {
				d.Errorf("%d participants are served of a log that has %d events: they are of the lost history", participants, head)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func (d *drill) stop(kill bool) {
	d.Helper()
	for _, p := range d.programs {
		if kill {
			p.kill(d.T)
		} else {
			p.stop(d.T)
		}
	}
	d.programs, d.doing = nil, nil
}

func (d *drill) produce(records ...events.Record) {
	d.Helper()
	if err := d.producer.Produce(d.Context(), records); err != nil {
		d.Fatalf("produce: %v", err)
	}
	d.produced += int64(len(records))
}

func (d *drill) generate(n int) {
	d.Helper()
	records := make([]events.Record, n)
	for i := range records {
		records[i] = d.generator.Next()
	}
	d.produce(append(records, d.generator.Stats(time.Now())...)...)
}

// dashboards returns what is served of each campaign.
func (d *drill) dashboards(p *program) map[string]servedDashboard {
	d.Helper()
	all := make(map[string]servedDashboard)
	for c, body := range d.bodies(p) {
		var served servedDashboard
		if err := json.Unmarshal(body, &served); err != nil {
			d.Fatal(err)
		}
		all[c] = served
	}
	return all
}

func (d *drill) bodies(p *program) map[string][]byte {
	d.Helper()
	all := make(map[string][]byte)
	for _, c := range d.campaigns {
		status, body := p.ask(d.T, p.api+"/api/events/"+url.PathEscape(c)+"/analytics")
		switch {
		case status == http.StatusOK:
			all[c] = body
		case status != http.StatusNotFound && status != http.StatusServiceUnavailable:
			d.Fatalf("%s: %d %s", c, status, body)
		}
	}
	return all
}

// equalsTwin waits until the log's account and every dashboard equal those of the twin. When
// an event was recorded is each log's own.
func (d *drill) equalsTwin(within time.Duration) {
	d.Helper()
	own := func(bodies map[string][]byte) map[string]any {
		all := make(map[string]any)
		for c, body := range bodies {
			var served map[string]any
			if err := json.Unmarshal(body, &served); err != nil {
				d.Fatal(err)
			}
			delete(served, "position")
			delete(served, "updatedAt")
			all[c] = served
		}
		return all
	}
	waitFor(d.T, within, func() string {
		twin, here := d.twin.metrics(d.T), d.leader().metrics(d.T)
		if received := twin["jangbu_log_received_total"]; received < d.produced {
			return fmt.Sprintf("the twin has %d of %d records", received, d.produced)
		}
		for _, name := range []string{"jangbu_log_head", "jangbu_log_dead_letters"} {
			if twin[name] != here[name] {
				return fmt.Sprintf("%s: %d, of the twin %d", name, here[name], twin[name])
			}
		}
		if diff := cmp.Diff(own(d.bodies(d.twin)), own(d.bodies(d.reader()))); diff != "" {
			return "dashboards (-twin +here):\n" + diff
		}
		return ""
	})
}

func (d *drill) verify() {
	d.Helper()
	var out, complaint bytes.Buffer
	args := []string{"verify", "--data-dir", d.dir}
	for _, variable := range d.environment {
		if address, ok := strings.CutPrefix(variable, "JANGBU_DATABASE_URL="); ok {
			args = append(args, "--database-url", address)
		}
	}
	if code := cli.Run(d.Context(), &commands{}, args, cli.Terminal{Out: &out, Err: &complaint}); code != cli.ExitDone {
		d.Errorf("verify exits with %d: %s%s", code, &out, &complaint)
	}
}
