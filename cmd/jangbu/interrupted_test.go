package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
)

// slowNetwork returns the URL of a database behind a network of rate KB/s, which is
// less than any command could use, and what cuts its connections.
func slowNetwork(t *testing.T, database string, rate int) (slow string, cut func()) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	proxy := services.StartProxy(t, "postgres", u.Host)
	for _, stream := range []string{"upstream", "downstream"} {
		toxic := `{"name":"` + stream + `","type":"bandwidth","stream":"` + stream + `","attributes":{"rate":` + strconv.Itoa(rate) + `}}`
		if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			t.Fatal(err)
		}
	}
	u.Host = proxy.Listen
	return u.String(), func() {
		proxy.Stop()
		if err := proxy.Start(); err != nil {
			t.Error(err)
		}
	}
}

// TestAwayForAMoment cuts the connections of a command to the database in the midst of the operation
// that it carries out and waits for: it goes on.
func TestAwayForAMoment(t *testing.T) {
	t.Parallel()
	database := services.Database(t)
	fillLog(t, database, 10_000)
	slow, cut := slowNetwork(t, database, 500)
	rows, err := pgrows.Open(t.Context(), database, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	cmd := commandLine(t, "projections", "rebuild", "--all", "--database-url", slow)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, time.Minute, func() string {
		op, err := rows.Operation(t.Context(), 1)
		if err == nil && op.State == readmodel.Running && op.At > 0 {
			return ""
		}
		return fmt.Sprintf("the operation is %v (%v)", op, err)
	})
	cut()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestInterrupted sends SIGINT to long work once it has said how far it is: it ends
// with 130 and one line of hint, and leaves nothing that is half written, or what the
// hint says how to go on with.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	const events = 50_000
	database := services.Database(t)
	fillLog(t, database, events)
	whole := filepath.Join(t.TempDir(), "whole.jsonl")
	if err := commandLine(t, "events", "export", "--why", "a test", whole, "--database-url", database).Run(); err != nil {
		t.Fatal(err)
	}

	for _, tc := range []struct {
		name, verb, hint string
		rate             int // of the network: some more seconds are left at the second report
		args             func(dir, slow string) []string
		database         func(t *testing.T) string
		after            func(t *testing.T, dir, database string)
	}{
		{
			name: "verify", rate: 4000, verb: "verified", hint: "nothing was changed",
			args: func(_, slow string) []string { return []string{"verify", "--database-url", slow} },
		},
		{
			name: "replay", rate: 1500, verb: "folded", hint: "nothing was changed",
			args: func(dir, slow string) []string {
				return []string{"replay", "--database-url", slow, "--into", filepath.Join(dir, "rows.db")}
			},
			after: func(t *testing.T, dir, _ string) {
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Errorf("it left %v (%v)", left, err)
				}
			},
		},
		{
			name: "export", rate: 2000, verb: "exported", hint: "--resume goes on with DIR/log.jsonl.partial",
			args: func(dir, slow string) []string {
				return []string{"events", "export", "--why", "a test", filepath.Join(dir, "log.jsonl"), "--database-url", slow}
			},
			after: func(t *testing.T, dir, database string) {
				out := filepath.Join(dir, "log.jsonl")
				if _, err := os.Stat(out); err == nil {
					t.Fatalf("%s is there, and cannot be whole", out)
				}
				if err := commandLine(t, "events", "export", "--why", "a test", out, "--database-url", database, "--resume").Run(); err != nil {
					t.Fatal(err)
				}
				want, _ := os.ReadFile(whole)
				if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, want) {
					t.Errorf("resumed, it is another file: %d bytes, want %d (%v)", len(got), len(want), err)
				}
			},
		},
		{
			name: "import", rate: 2000, verb: "imported", hint: "the same command goes on",
			args: func(_, slow string) []string { return []string{"events", "import", whole, "--database-url", slow} },
			// An empty one.
			database: func(t *testing.T) string { return services.Database(t) },
			after: func(t *testing.T, _, database string) {
				out, err := commandLine(t, "events", "import", whole, "--database-url", database).Output()
				if err != nil {
					t.Fatal(err)
				}
				if !regexp.MustCompile(`^imported \d+ events; [1-9]\d* were there already\n$`).Match(out) {
					t.Errorf("going on, it printed %q", out)
				}
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir, database := t.TempDir(), database
			if tc.database != nil {
				database = tc.database(t)
			}
			slow, _ := slowNetwork(t, database, tc.rate)
			cmd := commandLine(t, tc.args(dir, slow)...)
			cmd.Stderr = nil
			pipe, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			said := bufio.NewScanner(pipe)
			line := regexp.MustCompile(`^` + tc.verb + ` through position \d+ of 50000, \d+/s, \w+ left$`)
			for said.Scan() && !line.MatchString(said.Text()) {
				t.Log(said.Text())
			}
			t.Log(said.Text())
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			var last string
			for said.Scan() {
				last = said.Text()
			}
			if code := exitCodeOf(cmd.Wait()); code != cli.ExitInterrupted {
				t.Errorf("exit code %d, want %d", code, cli.ExitInterrupted)
			}
			if want := "jangbu: interrupted; " + strings.ReplaceAll(tc.hint, "DIR", dir); last != want {
				t.Errorf("said last %q, want %q", last, want)
			}
			if tc.after != nil {
				tc.after(t, dir, database)
			}
		})
	}
}

// fillLog appends n registrations to an empty log on PostgreSQL.
func fillLog(t *testing.T, database string, n int) {
	t.Helper()
	log, err := pglog.Open(t.Context(), database, pglog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	appendRegistrations(t, log, n)
}
