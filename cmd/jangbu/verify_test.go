package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
)

// TestVerify verifies the rows of a running service, as they are and once they were
// tampered with, and looks at the exit codes.
func TestVerify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := runProgram(t, dir)
	const registrations = 100
	var records []events.Record
	for i := range registrations {
		campaign := fmt.Sprintf("evt-%d", i%4)
		records = append(records, record("participant-registered", campaign,
			fmt.Sprintf(`{"participantId":"p-%d","eventId":"%s","phoneNumber":"010-5555-%04d"}`, i, campaign, i)))
	}
	p.produce(t, records...)
	p.settled(t, events.Totals{Head: registrations}, 10*time.Second)
	verify := func(want int, flags ...string) (out, complaint string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		code := cli.Run(t.Context(), &commands{}, append([]string{"verify", "--data-dir", dir}, flags...), cli.Terminal{Out: &stdout, Err: &stderr})
		if code != want {
			t.Fatalf("verify %q exits with %d, want %d\n%s%s", flags, code, want, &stdout, &stderr)
		}
		return stdout.String(), stderr.String()
	}
	contains := func(got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("verify printed %q, want in it %q", got, want)
		}
	}

	out, complaint := verify(cli.ExitDone)
	contains(out, "compared 16 rows of 4 campaigns with the fold of 100 events; the log ends at 100, ")
	contains(out, "rows equal the fold")
	if complaint != "" {
		t.Errorf("verify complained: %s", complaint)
	}
	out, _ = verify(cli.ExitDone, "--campaign", "evt-2", "--json")
	contains(out, `{"damages":[],"differences":[],"ok":true,"campaigns":1,"rows":4,"diverging":0,"events":25,"links":0,"head":100,"lowestCheckpoint":100}`)
	out, _ = verify(cli.ExitDone, "--sample", "2")
	contains(out, `sampled: ["evt-`)
	_, complaint = verify(cli.ExitNothing, "--campaign", "evt-4")
	contains(complaint, `campaign "evt-4" has no event and no row`)
	verify(cli.ExitUsage, "--campaign", "evt-2", "--sample", "2")

	rows, err := sql.Open("sqlite", filepath.Join(dir, "rows.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	if _, err := rows.ExecContext(t.Context(), `UPDATE event_stats SET participants = 26 WHERE campaign = 'evt-2'`); err != nil {
		t.Fatal(err)
	}
	out, complaint = verify(cli.ExitCheckFailed)
	contains(out, "differences: 1; campaigns that differ: 1")
	contains(complaint, `check failed: campaign "evt-2": event_stats Participants: served 26, folded 25, at position 100`)
	out, _ = verify(cli.ExitCheckFailed, "--campaign", "evt-2", "--json")
	contains(out, `"ok":false,"campaigns":1,`)
	contains(out, `"differences":[{"eventId":"evt-2","table":"event_stats","field":"Participants","served":"26","folded":"25","position":100}]`)
	if err := checkJSON("verify", []byte(out)); err != nil {
		t.Error(err)
	}
	verify(cli.ExitDone, "--campaign", "evt-1")

	log, err := sql.Open("sqlite", filepath.Join(dir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	if _, err := log.ExecContext(t.Context(), `DELETE FROM events WHERE position = 50`); err != nil {
		t.Fatal(err)
	}
	_, complaint = verify(cli.ExitCheckFailed)
	contains(complaint, "check failed: the log is not as it was written, first at position 50: ")
}
