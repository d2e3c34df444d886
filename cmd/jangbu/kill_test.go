package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
	"jangbu/events/synthetic"
)

// kills is how often each variant of TestKilled is killed, unless JANGBU_TEST_KILLS says
// otherwise.
const kills = 25

// TestKilled kills the program with SIGKILL under load, again and again, and
// starts it again: the totals equal what was sent (I1, I5).
func TestKilled(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		testKilled(t, nil)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		testKilled(t, postgresEnvironment(t))
	})
}

// postgresEnvironment is a fresh database with a master key, as environment.
func postgresEnvironment(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(path); err != nil {
		t.Fatal(err)
	}
	return []string{"JANGBU_DATABASE_URL=" + services.Database(t), "JANGBU_MASTER_KEY_FILE=" + path}
}

func testKilled(t *testing.T, environment []string) {
	const seed = 20261123
	random := rand.New(rand.NewPCG(seed, 0))
	g, err := synthetic.New(synthetic.Config{
		Seed: seed, Campaigns: 20, Start: time.Now(), Topics: defaultTopics().topics(), DuplicateShare: 0.05, MalformedShare: 0.02,
	})
	if err != nil {
		t.Fatal(err)
	}
	traffic := &resender{pending: append(append(g.Campaigns(), g.Distributions()...), g.Stats(time.Now())...), generator: g}
	kills := kills
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_KILLS")); err == nil {
		kills = n
	}
	var sent int64 // records that the broker has acknowledged
	dir := t.TempDir()
	p := startProgram(t, dir, environment)
	for kill := range kills {
		before := p.metric(t, "jangbu_log_received_total")
		ctx, stop := context.WithCancel(t.Context())
		loaded := make(chan int64, 1)
		go func() { loaded <- traffic.send(ctx, p.broker) }()
		// Killed while it works: some time after it has taken in some more.
		waitFor(t, time.Minute, func() string {
			if p.metric(t, "jangbu_log_received_total") == before {
				return "nothing is taken in"
			}
			return ""
		})
		time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond) // the random moment, not a wait for something
		p.kill(t)
		stop()
		sent += <-loaded
		t.Logf("kill %d: after %d records were sent", kill+1, sent)
		p = startProgram(t, dir, environment)
	}
	// What was under way at the last kill may or may not have arrived: send it again.
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	traffic.last = true
	traffic.send(ctx, p.broker)
	if len(traffic.pending) > 0 {
		t.Fatal("the last records could not be sent")
	}
	want := g.Expected()
	events := want.Participants + int64(len(g.Campaigns())+len(g.Distributions())+len(g.Stats(time.Now())))
	// As long as it gets anywhere it may take its time: the machine may be slow.
	for _, metric := range []string{
		`jangbu_log_head`, `jangbu_projection_position{projection="event_stats"}`, `jangbu_projection_position{projection="participant_profile"}`,
	} {
		for before := int64(-1); before != events; {
			waitFor(t, 30*time.Second, func() string {
				got := p.metric(t, metric)
				if got == before {
					return fmt.Sprintf("%s stands at %d of %d", metric, got, events)
				}
				before = got
				return ""
			})
		}
	}
	received, duplicates, dead := p.metric(t, "jangbu_log_received_total"), p.metric(t, "jangbu_log_duplicates_total"), p.metric(t, "jangbu_log_dead_letters")
	if received != events+duplicates+dead {
		t.Errorf("received %d ≠ appended %d + duplicate %d + dead-lettered %d", received, events, duplicates, dead)
	}
	// A malformed record that was sent twice is two records of the topic.
	if dead < want.DeadLetters {
		t.Errorf("%d dead letters of at least %d", dead, want.DeadLetters)
	}
	for _, c := range want.Campaigns {
		if got := p.dashboard(t, string(c.Campaign)); got.Summary.TotalParticipants != c.Participants {
			t.Errorf("%s has %d participants of %d", c.Campaign, got.Summary.TotalParticipants, c.Participants)
		}
	}
	t.Logf("%d kills: %d events, %d duplicates, %d dead letters", kills, events, duplicates, dead)
	p.kill(t)
}

// resender sends what the generator makes. What was not acknowledged when the
// broker went away is sent again, as any producer would.
type resender struct {
	generator *synthetic.Generator
	pending   []events.Record
	last      bool // send what is pending, and no more
}

func (r *resender) send(ctx context.Context, broker string) (acknowledged int64) {
	producer, err := kafka.NewProducer(kafka.Config{Brokers: []string{broker}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0
	}
	// In the background: it keeps trying to reach a broker that is gone.
	defer func() { go func() { _ = producer.Close() }() }()
	for ctx.Err() == nil {
		if len(r.pending) == 0 {
			if r.last {
				break
			}
			for range 200 {
				r.pending = append(r.pending, r.generator.Next())
			}
		}
		failed, records := make(chan error, 1), r.pending
		go func() { failed <- producer.Produce(ctx, records) }()
		select {
		case err = <-failed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return acknowledged
		}
		acknowledged += int64(len(r.pending))
		r.pending = nil
	}
	return acknowledged
}

// program is the program in a process of its own.
type program struct {
	cmd                *exec.Cmd
	broker, api, admin string
	dead               atomic.Bool
}

func startProgram(t testing.TB, dir string, environment []string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{cmd: exec.Command(self, "serve", "--data-dir", dir, "--http-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
		"--kafka-listen", "127.0.0.1:0", "--log-level", "error", "--insecure-no-auth")}
	p.cmd.Env = append(append(os.Environ(), asProgram+"=1"), environment...)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill(t) })
	lines := bufio.NewScanner(out)
	for p.admin == "" && lines.Scan() {
		part, rest, _ := strings.Cut(lines.Text(), " ")
		at, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		switch part {
		case "broker":
			p.broker = at
		case "api":
			p.api = at
		case "admin":
			p.admin = at
		}
	}
	if p.admin == "" {
		t.Fatalf("the program did not start: %v", lines.Err())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return p
}

func (p *program) kill(t testing.TB) {
	if p.dead.Swap(true) {
		return
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Errorf("kill: %v", err)
	}
	_ = p.cmd.Wait() // "signal: killed"
}

func (p *program) get(t *testing.T, address string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("get %s: status %d, %v: %s", address, res.StatusCode, err, body)
	}
	return body
}

// metric reads one metric; 0 where it is not exported yet.
func (p *program) metric(t *testing.T, name string) int64 {
	t.Helper()
	for line := range strings.Lines(string(p.get(t, p.admin))) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			var f float64
			if _, err := fmt.Sscan(value, &f); err != nil {
				t.Fatalf("metric %s: %v", name, err)
			}
			return int64(f)
		}
	}
	return 0
}

func (p *program) dashboard(t *testing.T, campaign string) (d servedDashboard) {
	t.Helper()
	if err := json.Unmarshal(p.get(t, p.api+"/api/events/"+url.PathEscape(campaign)+"/analytics"), &d); err != nil {
		t.Fatal(err)
	}
	return d
}
