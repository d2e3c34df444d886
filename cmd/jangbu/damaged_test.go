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

// TestServeOnADamagedLog: a log that lost its tail, or an event of its middle, ends serve with
// one sentence and exit code 1.
func TestServeOnADamagedLog(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		statements []string
		says       string
	}{
		"the tail is cut":                {[]string{"DELETE FROM events WHERE position > 60"}, "the head is at 100, the last event at 60"},
		"the tail is cut, and its links": {[]string{"DELETE FROM events WHERE position > 60", "DELETE FROM links WHERE position > 60"}, "the head is at 100, the last event at 60"},
		"there is no head":               {[]string{"DELETE FROM log_head"}, "log is corrupt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := startProgram(t, dir, nil)
			var records []events.Record
			for i := range 100 {
				records = append(records, record("participant-registered", "evt-1",
					fmt.Sprintf(`{"participantId":"p-%d","eventId":"evt-1","phoneNumber":"010-5555-%04d"}`, i, i)))
			}
			p.produce(t, records...)
			p.settled(t, events.Totals{Head: 100}, 20*time.Second)
			p.stop(t)
			log, err := sql.Open("sqlite", filepath.Join(dir, "log.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = log.Close() }()
			for _, statement := range test.statements {
				if _, err := log.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			var out, complaint bytes.Buffer
			code := cli.Run(t.Context(), &commands{}, []string{
				"serve", "--insecure-no-auth", "--log-level", "error", "--data-dir", dir,
				"--http-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--kafka-listen", "127.0.0.1:0",
			}, cli.Terminal{Out: &out, Err: &complaint})
			if code != cli.ExitFailed || !strings.Contains(complaint.String(), test.says) || strings.Count(complaint.String(), "\n") != 1 {
				t.Errorf("serve exits with %d and says:\n%s", code, &complaint)
			}
		})
	}
}
