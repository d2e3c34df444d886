package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
	"jangbu/projections"
)

// postgresEnvironment is a fresh database with a master key, as environment.
func postgresEnvironment(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(path); err != nil {
		t.Fatal(err)
	}
	return []string{"JANGBU_DATABASE_URL=" + services.Database(t), "JANGBU_MASTER_KEY_FILE=" + path}
}

// program is the program in a process of its own.
type program struct {
	cmd                *exec.Cmd
	broker, api, admin string
	dead               atomic.Bool
}

// startProgram starts the program with the race detector, if the tests have it: it reports a
// race at its end.
func startProgram(t testing.TB, dir string, environment []string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return startBuilt(t, self, dir, environment)
}

// startKillable starts the program without the race detector: a process that is killed
// reports no race, and what the detector costs is most of what such a test takes.
func startKillable(t testing.TB, dir string, environment []string) *program {
	t.Helper()
	return startBuilt(t, unraced(t), dir, environment)
}

func startBuilt(t testing.TB, path, dir string, environment []string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(path, "serve", "--data-dir", dir, "--http-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
		"--kafka-listen", "127.0.0.1:0", "--log-level", "error", "--insecure-no-auth")}
	p.cmd.Env = append(append(os.Environ(), asProgram+"=1", "JANGBU_INSECURE_DATABASE=true"), environment...)
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

// runProgram starts the program and stops it with the test.
func runProgram(t *testing.T, dir string, environment ...string) *program {
	t.Helper()
	p := startProgram(t, dir, environment)
	t.Cleanup(func() { p.stop(t) })
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

// stop ends the program as an orchestrator does, and expects that it ends well.
func (p *program) stop(t *testing.T) {
	t.Helper()
	p.end(t, syscall.SIGTERM)
}

func (p *program) end(t *testing.T, by os.Signal) {
	t.Helper()
	if p.dead.Swap(true) {
		return
	}
	if err := p.cmd.Process.Signal(by); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the program ended: %v", err)
	}
}

// TestHangUp: a service whose terminal goes away stops as by SIGTERM.
func TestHangUp(t *testing.T) {
	t.Parallel()
	p := startKillable(t, filepath.Join(t.TempDir(), "data"), nil)
	p.get(t, p.api+"/openapi.yaml")
	p.end(t, syscall.SIGHUP)
}

// ask sends a GET request.
func (p *program) ask(t *testing.T, address string) (status int, body []byte) {
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
	if body, err = io.ReadAll(res.Body); err != nil {
		t.Fatalf("get %s: %v", address, err)
	}
	return res.StatusCode, body
}

func (p *program) get(t *testing.T, address string) []byte {
	t.Helper()
	status, body := p.ask(t, address)
	if status != http.StatusOK {
		t.Fatalf("get %s: status %d: %s", address, status, body)
	}
	return body
}

// lasting returns a dashboard without what changes with the hours alone: its comparison, and the
// sentence about it. Anything else is returned as it is.
func lasting(dashboard []byte) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(dashboard, &members) != nil {
		return string(dashboard)
	}
	delete(members, "comparison")
	delete(members, "digest")
	text, err := json.Marshal(members)
	if err != nil {
		return string(dashboard)
	}
	return string(text)
}

// metric reads one metric; 0 where it is not exported yet.
func (p *program) metric(t *testing.T, name string) int64 {
	t.Helper()
	return p.metrics(t)[name]
}

// metrics reads the metrics that jangbu itself exports.
func (p *program) metrics(t *testing.T) map[string]int64 {
	t.Helper()
	all := make(map[string]int64)
	for line := range strings.Lines(string(p.get(t, p.admin))) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(name, "jangbu_") {
			continue
		}
		f, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("metric %s: %v", name, err)
		}
		all[name] = int64(f)
	}
	return all
}

// settled waits until the log holds at least what is wanted and every projection has
// folded all of it. Wanted are effects, and not records received: a frame whose
// partition is handed over in the middle of it comes again (I1).
func (p *program) settled(t *testing.T, want events.Totals, limit time.Duration) (got events.Totals) {
	t.Helper()
	waitFor(t, limit, func() string {
		m := p.metrics(t)
		got = events.Totals{
			Head: events.Position(m["jangbu_log_head"]), Received: m["jangbu_log_received_total"], Duplicates: m["jangbu_log_duplicates_total"],
			DeadLettered: m["jangbu_log_dead_letters"], Discarded: m["jangbu_log_dead_letters_discarded"],
		}
		if got.Head < want.Head || got.Duplicates < want.Duplicates || got.DeadLettered < want.DeadLettered {
			return fmt.Sprintf("the log has %+v of %+v", got, want)
		}
		for _, of := range projections.All() {
			if at := m[fmt.Sprintf("jangbu_projection_position{projection=%q}", of.Name())]; at < int64(got.Head) {
				return fmt.Sprintf("%s stands at %d of %d", of.Name(), at, got.Head)
			}
		}
		return ""
	})
	return got
}

// produce sends records and returns once the broker has them.
func (p *program) produce(t *testing.T, records ...events.Record) {
	t.Helper()
	producer, err := kafka.NewProducer(kafka.Config{Brokers: []string{p.broker}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	if err := producer.Produce(t.Context(), records); err != nil {
		t.Fatalf("produce: %v", err)
	}
}

func (p *program) dashboard(t *testing.T, campaign string) (d servedDashboard) {
	t.Helper()
	if err := json.Unmarshal(p.get(t, p.api+"/api/events/"+url.PathEscape(campaign)+"/analytics"), &d); err != nil {
		t.Fatal(err)
	}
	return d
}
