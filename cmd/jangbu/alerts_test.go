//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
)

// firesWithin is how soon after a fault its alerts fire, and after its end they do no more.
const firesWithin = 15 * time.Second

// monitor is a Prometheus with what scripts/deploy has.
type monitor struct{ at string }

// startPrometheus starts one whose targets are programs.
func startPrometheus(t *testing.T, programs ...*program) monitor {
	t.Helper()
	path, _ := services.Prometheus(t)
	dir, deployed := t.TempDir(), filepath.Join("..", "..", "scripts", "deploy", "prometheus")
	var targets []string
	for _, p := range programs {
		at, err := url.Parse(p.admin)
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, at.Host)
	}
	for _, name := range []string{"rules.yml", "prometheus.yml"} {
		text, err := os.ReadFile(filepath.Join(deployed, name))
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.ReplaceAll(string(text), "[127.0.0.1:8081]", "["+strings.Join(targets, ", ")+"]"))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+at, "--log.level=warn")
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // "signal: killed"
		if t.Failed() {
			t.Logf("Prometheus said: %s", &said)
		}
	})
	p := monitor{"http://" + at}
	waitFor(t, time.Minute, func() string {
		var all struct{ Result []json.RawMessage }
		if err := p.get("/api/v1/query?query="+url.QueryEscape("up == 1 and on (instance) jangbu_log_head"), &all); err != nil || len(all.Result) != len(programs) {
			return fmt.Sprintf("%d of %d processes are scraped: %v", len(all.Result), len(programs), err)
		}
		return ""
	})
	return p
}

// get asks its API.
func (p monitor) get(path string, data any) error {
	res, err := http.Get(p.at + path)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return errors.New(answer.Error)
	}
	return nil
}

// firing returns the alerts that fire, and how many are pending.
func (p monitor) firing(t *testing.T) (names []string, pending int) {
	t.Helper()
	var all struct {
		Alerts []struct {
			State  string
			Labels map[string]string
		}
	}
	if err := p.get("/api/v1/alerts", &all); err != nil {
		t.Fatal(err)
	}
	firing := make(map[string]bool)
	for _, a := range all.Alerts {
		if a.State == "firing" {
			firing[a.Labels["alertname"]] = true
		} else {
			pending++
		}
	}
	return slices.Sorted(maps.Keys(firing)), pending
}

// fires waits until exactly these alerts fire, and fails where another one does meanwhile.
func (p monitor) fires(t *testing.T, fault string, within time.Duration, alerts ...string) {
	t.Helper()
	began := time.Now()
	waitFor(t, within, func() string {
		got, _ := p.firing(t)
		for _, alert := range got {
			if !slices.Contains(alerts, alert) {
				t.Fatalf("%s: %s fires after %v", fault, alert, time.Since(began).Round(time.Millisecond))
			}
		}
		if !slices.Equal(got, alerts) {
			return fmt.Sprintf("%s: %q fire, want %q", fault, got, alerts)
		}
		return ""
	})
	t.Logf("%s: %q after %v", fault, alerts, time.Since(began).Round(time.Millisecond))
}

// ends waits until none fires, nor is about to: one process may be scraped after another.
func (p monitor) ends(t *testing.T, fault string, within time.Duration) {
	t.Helper()
	fired, _ := p.firing(t)
	waitFor(t, within, func() string {
		got, pending := p.firing(t)
		for _, alert := range got {
			if !slices.Contains(fired, alert) {
				t.Fatalf("after %s: %s fires", fault, alert)
			}
		}
		if len(got) > 0 || pending > 0 {
			return fmt.Sprintf("after %s: %q fire, and %d are pending", fault, got, pending)
		}
		return ""
	})
}

// TestAlertsOfRealProcesses: a Prometheus with what scripts/deploy has scrapes two processes. The leader
// is frozen: within 15 s the alert fires that must, and no other, and within 15 s of its end none. Each
// query of the dashboard has an answer. JANGBU_TEST_ALERTS=1 goes on through the faults that can be
// made by hand; TestAlerts of the package health has all of them, as series.
func TestAlertsOfRealProcesses(t *testing.T) {
	t.Parallel()
	start := func(at, dir string) *embedded.Broker {
		t.Helper()
		broker, err := embedded.Start(t.Context(), embedded.Config{Listen: at, DataDir: dir, Partitions: 4, Topics: stores.DefaultTopics().TopicNames()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Close)
		return broker
	}
	data := t.TempDir()
	broker, redis := start("127.0.0.1:0", data), services.StartRedis(t)
	environment := append(postgresEnvironment(t), "JANGBU_KAFKA_BROKERS="+broker.Addr(), "JANGBU_REDIS_URL=redis://"+redis.Addr)
	_, database, _ := strings.Cut(environment[0], "=")
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	proxy := services.StartProxy(t, "postgres", at.Host)
	at.Host = proxy.Listen
	environment[0] = "JANGBU_DATABASE_URL=" + at.String()
	leader, other := startKillable(t, t.TempDir(), environment), startKillable(t, t.TempDir(), environment)
	if other.metrics(t)["jangbu_projections_leading"] == 1 {
		leader, other = other, leader
	}
	producer, err := kafka.NewProducer(kafka.Config{Brokers: []string{broker.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	sending, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			r := record("participant-registered", "evt-1", fmt.Sprintf(`{"eventId":"evt-1","participantId":"p-%d","phoneNumber":"010-1234-5678"}`, i))
			r.Key = fmt.Append(nil, i) // all partitions
			_ = producer.Produce(sending, []events.Record{r})
			select {
			case <-tick.C:
			case <-sending.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended; _ = producer.Close() })
	for _, p := range []*program{leader, other} {
		waitFor(t, time.Minute, func() string {
			if status, body := p.ask(t, p.api+"/api/events/evt-1/analytics"); status != http.StatusOK {
				return fmt.Sprintf("status %d: %s", status, body)
			}
			return ""
		})
	}
	p := startPrometheus(t, leader, other)
	p.ends(t, "the start", firesWithin)

	signal := func(s syscall.Signal) {
		t.Helper()
		if err := leader.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	t.Cleanup(func() { _ = leader.cmd.Process.Signal(syscall.SIGCONT) })
	p.fires(t, "the leader is frozen", firesWithin, "JangbuDown")
	signal(syscall.SIGCONT)
	p.ends(t, "the leader's freeze", firesWithin)
	p.dashboard(t)
	if os.Getenv("JANGBU_TEST_ALERTS") == "" {
		return
	}

	other.kill(t)
	p.fires(t, "a process was killed", firesWithin, "JangbuDown")
	other = other.again(t)
	p.ends(t, "the process's absence", firesWithin)
	other.stop(t) // as a rolling update replaces one by another
	other.again(t)
	p.ends(t, "the update", firesWithin)

	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()), kgo.TransactionalID("stalls"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "event-created", Key: []byte("evt-3"), Value: []byte("{}")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	p.fires(t, "a partition is not read behind an open transaction", firesWithin, "JangbuTopicStalled")
	if err := client.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	p.ends(t, "the transaction", firesWithin)

	proxy.Stop()
	p.fires(t, "the database is away", firesWithin, "JangbuDatabaseAway")
	proxy.Listen = at.Host
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	p.ends(t, "the database's absence", firesWithin)

	redis.Kill(t)
	p.fires(t, "Redis is away", firesWithin, "JangbuRedisAway")
	redis.Start(t)
	p.ends(t, "Redis's absence", firesWithin)

	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	do := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	do(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$`)
	do(`CREATE TRIGGER full_disk BEFORE UPDATE ON jangbu_log.log_head FOR EACH STATEMENT EXECUTE FUNCTION full_disk()`)
	p.fires(t, "the log's disk is full", firesWithin, "JangbuIngestFailing")
	do(`DROP TRIGGER full_disk ON jangbu_log.log_head`)
	p.ends(t, "the log's full disk", firesWithin+10*time.Second) // a frame comes again after up to 5 s

	do(`CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON jangbu_rows.event_stats FOR EACH STATEMENT EXECUTE FUNCTION full_disk()`)
	p.fires(t, "the rows' disk is full", firesWithin, "JangbuProjectionsBehind", "JangbuProjectionsFailing")
	do(`DROP TRIGGER full_disk ON jangbu_rows.event_stats`)
	p.ends(t, "the rows' full disk", firesWithin+10*time.Second)

	if out, complaint, code := command(t, "projections", "pause", "--all", "--why", "test", "--database-url", database); code != 0 {
		t.Fatalf("pause: %s%s", out, complaint)
	}
	p.fires(t, "projections are paused", firesWithin, "JangbuProjectionPaused")
	if out, complaint, code := command(t, "projections", "resume", "--all", "--why", "test", "--database-url", database); code != 0 {
		t.Fatalf("resume: %s%s", out, complaint)
	}
	p.ends(t, "the pause", firesWithin)

	do(`INSERT INTO jangbu_rows.leases (name, owner, epoch, expires_at) VALUES ('poller', 'test', 1, now() + interval '30 days')`)
	p.fires(t, "a lease lasts for days", firesWithin, "JangbuLeaseStuck")
	do(`DELETE FROM jangbu_rows.leases WHERE name = 'poller'`)
	p.ends(t, "the lease", firesWithin)

	broker.Close()
	p.fires(t, "the brokers are away", firesWithin, "JangbuKafkaAway")
	start(broker.Addr(), data)
	p.ends(t, "the brokers' absence", firesWithin+10*time.Second)

	if err := producer.Produce(t.Context(), []events.Record{record("event-created", "evt-2", "{")}); err != nil {
		t.Fatal(err)
	}
	p.fires(t, "a record breaks its contract", firesWithin, "JangbuDeadLetters") // for 5 minutes

	if err := kafka.Remove(t.Context(), kafka.Config{Brokers: []string{broker.Addr()}}, "event-created"); err != nil {
		t.Fatal(err)
	}
	p.fires(t, "a topic was deleted", firesWithin, "JangbuDeadLetters", "JangbuTopicMissing")
}

// again starts a program that has ended anew, at the same address of its metrics.
func (p *program) again(t *testing.T) *program {
	t.Helper()
	at, err := url.Parse(p.admin)
	if err != nil {
		t.Fatal(err)
	}
	args := slices.Clone(p.cmd.Args[1:])
	args[slices.Index(args, "--admin-addr")+1] = at.Host
	next := &program{cmd: exec.Command(p.cmd.Path, args...), api: p.api, admin: p.admin}
	next.cmd.Env, next.cmd.Stderr = p.cmd.Env, os.Stderr
	if err := next.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { next.kill(t) })
	waitFor(t, time.Minute, func() string {
		res, err := http.Get(next.admin)
		if err != nil {
			return err.Error()
		}
		_ = res.Body.Close()
		return strings.TrimPrefix(res.Status, "200 OK")
	})
	return next
}

// dashboard asks each query of the dashboard.
func (p monitor) dashboard(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "scripts", "deploy", "grafana", "jangbu.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			asked++
			if strings.Contains(target.Expr, "jangbu_end_to_end_seconds") {
				target.Expr = "absent(" + target.Expr + ") or " + target.Expr // the first canary may not have been sent
			}
			var all struct{ Result []json.RawMessage }
			if err := p.get("/api/v1/query?query="+url.QueryEscape(target.Expr), &all); err != nil || len(all.Result) == 0 {
				t.Errorf("panel %q: %s: %d series, %v", panel.Title, target.Expr, len(all.Result), err)
			}
		}
	}
	if asked < 15 {
		t.Errorf("%d queries were asked", asked)
	}
}
