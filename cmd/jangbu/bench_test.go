package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events/eventstest/services"
)

// TestBenchIngest measures a few events on PostgreSQL, with Apache Kafka and without: every figure
// is there, also the time that the processors spent on the database, and nothing is left.
func TestBenchIngest(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]func(t *testing.T) []string{
		"embedded broker": func(*testing.T) []string { return nil },
		"Apache Kafka":    func(t *testing.T) []string { return []string{"--kafka-brokers", services.Kafka(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := commandLine(t, append([]string{
				"bench", "ingest", "--database-url", ownRole(t, services.Database(t)),
				"--events", "5000", "--campaigns", "1", "--rounds", "1", "--pace", "5000", "--json",
			}, args(t)...)...)
			dir := t.TempDir()
			cmd.Env = append(cmd.Env, "TMPDIR="+dir)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if err := checkJSON("bench-ingest", out); err != nil {
				t.Error(err)
			}
			var got struct {
				Database        string
				EventsPerSecond struct{ Log, Rows, Bare, Obvious float64 }
				CPU             struct {
					Rows struct{ Process, Database float64 }
				}
			}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s", out)
			if rates := got.EventsPerSecond; got.Database != "PostgreSQL" || rates.Obvious > min(rates.Log, rates.Rows, rates.Bare) {
				t.Errorf("the obvious design is the fastest on %s: %+v", got.Database, rates)
			}
			nothingIn(t, dir)
		})
	}
}

// TestBenchIngestInterrupted sends SIGINT to each part: it ends with 130 and leaves nothing.
func TestBenchIngestInterrupted(t *testing.T) {
	t.Parallel()
	for during, tc := range map[string]struct{ after, database string }{
		"log":     {"of 3020 events produced", "PostgreSQL"},
		"bare":    {"round 1 of 1: log", "SQLite"},
		"obvious": {"round 1 of 1: bare", "PostgreSQL"},
		"rows":    {"round 1 of 1: obvious", "SQLite"},
	} {
		t.Run(during, func(t *testing.T) {
			t.Parallel()
			args := []string{"bench", "ingest", "--events", "3000", "--campaigns", "20", "--rounds", "1"}
			if tc.database == "PostgreSQL" {
				args = append(args, "--database-url", ownRole(t, services.Database(t)))
			}
			cmd := commandLine(t, args...)
			dir := t.TempDir()
			cmd.Env = append(cmd.Env, "TMPDIR="+dir)
			cmd.Stderr = nil
			pipe, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			said := bufio.NewScanner(pipe)
			for said.Scan() && !strings.Contains(said.Text(), tc.after) {
				t.Log(said.Text())
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			for said.Scan() {
				t.Log(said.Text())
			}
			if code := exitCodeOf(cmd.Wait()); code != cli.ExitInterrupted {
				t.Errorf("exit code %d, want %d", code, cli.ExitInterrupted)
			}
			nothingIn(t, dir)
		})
	}
}

// ownRole returns the URL of a database for a role of the test's own. A role that still owns
// a database cannot be dropped in the end.
func ownRole(t *testing.T, database string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	role := "bench_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN CREATEDB PASSWORD '"+role+"'"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if _, err := conn.Exec(ctx, "DROP ROLE "+role); err != nil {
			t.Errorf("it left a database: %v", err)
		}
		_ = conn.Close(ctx)
	})
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, role)
	return u.String()
}

func nothingIn(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it left %v (%v)", left, err)
	}
}
