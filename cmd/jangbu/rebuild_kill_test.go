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
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events/synthetic"
)

// TestRebuildsAreKilled rebuilds all projections again and again by the command, while
// registrations come in and dashboards are read. Each third time it kills with SIGKILL,
// at a random moment, the service or, where none runs, the command. After each, what is
// served equals the fold of the log; no read ever fails or finds nothing (I6, I7).
//
// JANGBU_TEST_REBUILDS is how many, on each database (2).
func TestRebuildsAreKilled(t *testing.T) {
	t.Parallel()
	for name, environment := range map[string]func(*testing.T) []string{
		"embedded": func(*testing.T) []string { return nil },
		"postgres": postgresEnvironment,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testRebuildsAreKilled(t, environment(t))
		})
	}
}

func testRebuildsAreKilled(t *testing.T, environment []string) {
	rebuilds := 2
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_REBUILDS")); err == nil {
		rebuilds = n
	}
	const preloaded = 3_000
	random := rand.New(rand.NewPCG(20261124, 0))
	g, err := synthetic.New(synthetic.Config{Seed: 7, Campaigns: 20, Start: time.Now(), Topics: stores.DefaultTopics().Topics()})
	if err != nil {
		t.Fatal(err)
	}
	w := &watchedService{dir: t.TempDir(), environment: environment, rate: 250}
	w.traffic = &resender{next: g.Next, pending: append(append(g.Campaigns(), g.Distributions()...), g.Stats(time.Now())...)}
	for range preloaded {
		w.traffic.pending = append(w.traffic.pending, g.Next())
	}
	w.campaigns = g.Expected().Campaigns
	w.start(t)
	waitFor(t, time.Minute, func() string {
		if n := w.metric(t, `jangbu_projection_position{projection="event_stats"}`); n < preloaded {
			return fmt.Sprintf("%d folded of %d", n, preloaded)
		}
		return w.incomplete(t) // topics are read side by side, and at their own pace
	})
	killed := 0
	for n := range rebuilds {
		alone := n%6 == 4
		if alone {
			w.stop(t)
		}
		rebuilding := w.command(t, "projections", "rebuild", "--all", "--json", "--why", fmt.Sprint("no. ", n))
		if !alone {
			w.read(t)
		}
		if n%3 == 1 {
			time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond) // the random moment, not a wait for something
			if alone {
				_ = rebuilding.cmd.Process.Kill()
				_ = rebuilding.cmd.Wait()
				w.verify(t) // whatever it has left
				rebuilding = w.command(t, "projections", "rebuild", "--all", "--json")
			} else {
				w.stop(t)
			}
			killed++
		}
		if err := rebuilding.cmd.Wait(); err != nil {
			t.Fatalf("rebuild %d: %v: %s", n, err, rebuilding.stderr.String())
		}
		var op struct{ State string }
		if err := json.Unmarshal(rebuilding.stdout.Bytes(), &op); err != nil || op.State != "done" {
			t.Fatalf("rebuild %d: %v: %s", n, err, rebuilding.stdout.String())
		}
		w.verify(t)
		w.start(t)
	}
	w.read(t)
	w.stop(t)
	t.Logf("%d rebuilds, %d killed, %d reads, the longest %v", rebuilds, killed, w.reads.Load(), time.Duration(w.longest.Load()))
}

// watchedService is a service with traffic and readers, which can be killed.
type watchedService struct {
	dir         string
	environment []string
	traffic     *resender
	rate        int // records a second
	campaigns   []synthetic.CampaignTotals

	*program
	cancel         context.CancelFunc
	working        sync.WaitGroup
	reads, longest atomic.Int64
}

// start starts the service where it does not run, and sends traffic to it.
func (w *watchedService) start(t *testing.T) {
	t.Helper()
	if w.program != nil {
		return
	}
	w.program = startKillable(t, w.dir, w.environment)
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(t.Context())
	w.working.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for w.traffic.last = true; ctx.Err() == nil; {
			w.traffic.send(ctx, w.broker) // what is pending
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			for len(w.traffic.pending) < w.rate/5 {
				w.traffic.pending = append(w.traffic.pending, w.traffic.next())
			}
		}
	})
}

// stop kills the service.
func (w *watchedService) stop(t *testing.T) {
	t.Helper()
	w.cancel()
	w.working.Wait()
	w.kill(t)
	w.program = nil
}

// read reads every campaign's dashboard.
func (w *watchedService) read(t *testing.T) {
	t.Helper()
	for _, c := range w.campaigns {
		start := time.Now()
		if d := w.dashboard(t, string(c.Campaign)); d.empty() {
			t.Errorf("dashboard of %s is empty: %+v", c.Campaign, d)
		}
		w.reads.Add(1)
		w.longest.Store(max(w.longest.Load(), int64(time.Since(start))))
	}
}

// incomplete says which campaign's dashboard has nothing to be read yet; "" is none.
func (w *watchedService) incomplete(t *testing.T) string {
	t.Helper()
	for _, c := range w.campaigns {
		res, err := http.Get(w.api + "/api/events/" + url.PathEscape(string(c.Campaign)) + "/analytics")
		if err != nil {
			return err.Error()
		}
		var d servedDashboard
		err = json.NewDecoder(res.Body).Decode(&d)
		if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK || d.empty() {
			return fmt.Sprintf("%s: %s, %+v, %v", c.Campaign, res.Status, d, err)
		}
	}
	return ""
}

// empty reports whether something that every campaign has is not there.
func (d servedDashboard) empty() bool {
	return d.Title == nil || d.Summary.TotalParticipants == 0 || len(d.Channels) == 0
}

// otherProgram is another process that carries out a command line.
type otherProgram struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
}

func (w *watchedService) command(t *testing.T, args ...string) *otherProgram {
	t.Helper()
	return w.otherCommand(t, w.environment, args...)
}

// otherCommand is command with an environment of its own.
func (w *watchedService) otherCommand(t *testing.T, environment []string, args ...string) *otherProgram {
	t.Helper()
	c := &otherProgram{cmd: commandLine(t, append(slices.Clone(args), "--data-dir", w.dir)...)}
	c.cmd.Env = append(c.cmd.Env, environment...)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	return c
}

// verify demands that what is served equals the fold of the log.
func (w *watchedService) verify(t *testing.T) {
	t.Helper()
	c := w.command(t, "verify")
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("verify: %v: %s", err, c.stderr.String())
	}
}
