package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/synthetic"
)

// commandLine is a command line of this program, not yet started.
func commandLine(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = t.Output()
	return cmd
}

// created is the draft of a campaign's event.
func created(t *testing.T, campaign string) events.Draft {
	t.Helper()
	d, err := events.Decode(events.TypeEventCreated, events.Record{
		Timestamp: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		Value:     fmt.Appendf(nil, `{"eventId":%q,"storeId":"store-1","title":"t","objective":"o"}`, campaign),
	}, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return d.Draft
}

// appendRegistrations appends n registrations to a log without any.
func appendRegistrations(t *testing.T, log events.Appender, n int) {
	t.Helper()
	g, err := synthetic.New(synthetic.Config{Seed: 1, Campaigns: 10, Start: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	drafts := make([]events.Draft, n)
	for i := range drafts {
		record := g.Next()
		d, err := events.Decode(events.TypeParticipantRegistered, record, record.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		drafts[i] = d.Draft
	}
	if _, err := log.Append(t.Context(), drafts); err != nil {
		t.Fatal(err)
	}
}

func exitCodeOf(err error) int {
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// TestTailFollows follows the log of another process until Ctrl-C.
func TestTailFollows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := openedLog(t, dir)
	if _, err := log.Append(t.Context(), []events.Draft{created(t, "evt-0"), created(t, "evt-1")}); err != nil {
		t.Fatal(err)
	}
	cmd := commandLine(t, "events", "tail", "--follow", "--last", "1", "--json", "--data-dir", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for i := 1; i <= 3; i++ {
		if !lines.Scan() {
			t.Fatalf("no line for evt-%d: %v", i, lines.Err())
		}
		var got struct {
			Position int
			Campaign string
		}
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Position != i+1 || got.Campaign != fmt.Sprintf("evt-%d", i) {
			t.Errorf("position %d is of %s; expected evt-%d at %d", got.Position, got.Campaign, i, i+1)
		}
		if _, err := log.Append(t.Context(), []events.Draft{created(t, fmt.Sprintf("evt-%d", i+1))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // the last one, if it was seen in time
	}
	if code := exitCodeOf(cmd.Wait()); code != cli.ExitInterrupted {
		t.Errorf("exit code %d, want %d", code, cli.ExitInterrupted)
	}
}

// TestTailOfAnotherHistory: the links that tail prints are those of the log's chain, and it ends where the
// log goes back while it follows (I13), before it prints anything of the other history.
func TestTailOfAnotherHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := openedLog(t, dir)
	for i := range 4 { // a link is stored for each
		if _, err := log.Append(t.Context(), []events.Draft{created(t, fmt.Sprintf("evt-%d", i))}); err != nil {
			t.Fatal(err)
		}
	}
	var said strings.Builder
	cmd := commandLine(t, "events", "tail", "--follow", "--from", "2", "--json", "--data-dir", dir)
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for p := events.Position(2); p <= 4; p++ {
		var got struct {
			Position events.Position
			Link     string
		}
		if !lines.Scan() {
			t.Fatalf("no line of position %d: %v", p, lines.Err())
		}
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if want, _, err := log.Chain().Link(t.Context(), p); err != nil || got.Position != p || got.Link != want.String() {
			t.Errorf("position %d has the link %s, want %v of %d: %v", got.Position, got.Link, want, p, err)
		}
	}
	goBack(t, dir, 3)
	if _, err := log.Append(t.Context(), []events.Draft{created(t, "evt-5"), created(t, "evt-6"), created(t, "evt-7")}); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		t.Errorf("printed of another history: %s", lines.Text())
	}
	if code := exitCodeOf(cmd.Wait()); code != cli.ExitCheckFailed || !strings.Contains(said.String(), "the log went back or was exchanged") {
		t.Errorf("exit code %d, want %d: %s", code, cli.ExitCheckFailed, &said)
	}
}

// goBack makes the log in a data directory end at a position, as one does that is restored from a copy. A
// transaction must have ended there.
func goBack(t *testing.T, dir string, to events.Position) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "log.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	const back = `
		BEGIN IMMEDIATE;
		DELETE FROM events WHERE position > ?1;
		DELETE FROM links WHERE position > ?1;
		UPDATE log_head SET position = ?1, received = ?1 + duplicates + dead_lettered;
		COMMIT`
	if _, err := db.ExecContext(t.Context(), back, int64(to)); err != nil {
		t.Fatal(err)
	}
}

// TestEventsExitCodes runs command lines whose exit code is not only "not 0".
func TestEventsExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openedLog(t, dir)
	file := filepath.Join(dir, "out.jsonl")
	for _, c := range []struct {
		args string
		code int
	}{
		{"tail", cli.ExitDone}, // the log is empty
		{"tail --campaign evt-1", cli.ExitNothing},
		{"show 1", cli.ExitNothing},
		{"show x", cli.ExitUsage},
		{"tail --type x", cli.ExitUsage},
		{"export --why test " + file, cli.ExitNothing},
		{"export --why test out.csv", cli.ExitUsage},
		{"export " + file, cli.ExitUsage}, // without a reason
		{"import out.csv", cli.ExitUsage},
		{"import " + file, cli.ExitFailed}, // there is none
	} {
		args := append([]string{"events"}, strings.Fields(c.args)...)
		cmd := commandLine(t, append(args, "--data-dir", dir)...)
		if code := exitCodeOf(cmd.Run()); code != c.code {
			t.Errorf("%s: exit code %d, want %d", c.args, code, c.code)
		}
	}
}
