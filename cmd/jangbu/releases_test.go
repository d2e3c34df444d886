package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/eventstest/services"
)

// release builds the program of a commit, with other texts in the place of some of its files.
func release(t *testing.T, commit string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	source, tree, program := filepath.Join(dir, "source.tar"), filepath.Join(dir, "tree"), filepath.Join(dir, "jangbu")
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
	}
	if err := os.Mkdir(tree, 0o700); err != nil {
		t.Fatal(err)
	}
	run("git", "-C", filepath.Join("..", ".."), "archive", "--output", source, commit)
	run("tar", "-C", tree, "-xf", source)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(tree, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run("go", "build", "-C", tree, "-buildvcs=false", "-trimpath", "-o", program, "./cmd/jangbu")
	if err := os.RemoveAll(tree); err != nil {
		t.Fatal(err)
	}
	return program
}

// moved is a drill whose processes are of several releases.
type moved struct {
	*drill
	first []events.Record // that are no registrations; a process makes the topics for them
}

// onKafka prepares a database, a Redis, and topics.
func onKafka(t *testing.T, environment ...string) *moved {
	t.Helper()
	d := &drill{T: t, redis: "redis://" + services.StartRedis(t).Addr}
	d.onPostgres()
	of, first := d.connect(services.Kafka(t))
	d.environment = slices.Concat(d.environment, of, []string{"JANGBU_REDIS_URL=" + d.redis, "JANGBU_KAFKA_GROUP=" + d.group("moved")}, environment)
	return &moved{d, first}
}

// run runs a command of a release.
func (m *moved) run(program string, args ...string) (out, complaint string, code int) {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(append(os.Environ(), asProgram+"=1", "JANGBU_INSECURE_DATABASE=true", "JANGBU_DATA_DIR="+m.TempDir()), m.environment...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); cmd.ProcessState == nil {
		m.Fatalf("%v: %v", args, err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// canaries counts the dead letters of the topic that canaries are sent to: no other is produced there.
const canaries = `SELECT count(*) FROM jangbu_log.dead_letters WHERE topic = $1`

// count returns the number that a query finds.
func (m *moved) count(query string, args ...any) (n int64) {
	m.Helper()
	conn, err := pgx.Connect(m.Context(), m.database())
	if err == nil {
		err = errors.Join(conn.QueryRow(m.Context(), query, args...).Scan(&n), conn.Close(m.Context()))
	}
	if err != nil {
		m.Fatalf("%s: %v", query, err)
	}
	return n
}

func (m *moved) database() string {
	return strings.TrimPrefix(m.environment[0], "JANGBU_DATABASE_URL=")
}

// settled waits until the log has what was produced, and the rows of a release have all of that.
func (m *moved) settled(program string, p *program, within time.Duration) (head int64) {
	m.Helper()
	want := m.generator.Expected()
	want.DeadLetters += m.count(canaries, m.first[len(m.first)-1].Topic)
	head = int64(len(m.first)) + want.Participants
	waitFor(m.T, within, func() string {
		now := p.metrics(m.T)
		if got, letters := now["jangbu_log_head"], now["jangbu_log_dead_letters"]; got != head || letters != want.DeadLetters {
			return fmt.Sprintf("the log has %d of %d events, %d of %d dead letters", got, head, letters, want.DeadLetters)
		}
		var list struct{ Projections []struct{ Lag int64 } }
		out, complaint, _ := m.run(program, "projections", "list", "--json")
		if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.Projections) < 4 {
			return fmt.Sprintf("projections list: %v: %s", err, complaint)
		}
		for _, projection := range list.Projections {
			if projection.Lag > 0 {
				return out
			}
		}
		return ""
	})
	return head
}

// equalsOracle waits until everything is settled, and compares what is served with a fold, in SQL, of
// the exported log, and that with what was produced.
func (m *moved) equalsOracle(program string, p *program) {
	m.Helper()
	head := m.settled(program, p, time.Minute)
	file := filepath.Join(m.TempDir(), "export.jsonl")
	if _, complaint, code := m.run(program, "events", "export", "--why", "a test", file); code != cli.ExitDone {
		m.Fatalf("export exits with %d: %s", code, complaint)
	}
	var bodies [][]byte
	for _, c := range m.campaigns {
		bodies = append(bodies, p.get(m.T, p.api+"/api/events/"+url.PathEscape(c)+"/analytics?interval=hour&tz=UTC"))
	}
	served := numbersOf(m.T, `{"campaigns":[`+string(bytes.Join(bodies, []byte(",")))+`]}`)
	if diff := cmp.Diff(openOracle(m.T, file)(head), served); diff != "" {
		m.Errorf("-oracle +served:\n%s", diff)
	}
	for _, c := range m.generator.Expected().Campaigns {
		if got := served[string(c.Campaign)+" participants"]; got != c.Participants {
			m.Errorf("%s has %d participants of %d", c.Campaign, got, c.Participants)
		}
	}
	if out, complaint, code := m.run(program, "verify"); code != cli.ExitDone {
		m.Errorf("verify exits with %d: %s%s", code, out, complaint)
	}
}
