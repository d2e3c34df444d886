package main

import (
	"bufio"
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
		{"tail", cli.ExitNothing}, // the log is empty
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
