package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/readmodel"
)

// TestServeHealsWrongRows changes rows of a running service by hand, in each table: it finds
// them, folds the campaign anew, and keeps both versions.
func TestServeHealsWrongRows(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, string) (environment, flags []string, prefix string, exec func(string) error){
		"sqlite": func(t *testing.T, dir string) ([]string, []string, string, func(string) error) {
			return nil, []string{"--data-dir", dir}, "", func(statement string) error {
				db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "rows.db")+"?_pragma=busy_timeout(10000)")
				if err != nil {
					return err
				}
				defer func() { _ = db.Close() }()
				_, err = db.ExecContext(t.Context(), "BEGIN IMMEDIATE; "+statement+"; COMMIT")
				return err
			}
		},
		"postgres": func(t *testing.T, _ string) ([]string, []string, string, func(string) error) {
			environment := postgresEnvironment(t)
			_, url, _ := strings.Cut(environment[0], "=")
			return environment, []string{"--database-url", url}, "jangbu_rows.", func(statement string) error {
				conn, err := pgx.Connect(t.Context(), url)
				if err != nil {
					return err
				}
				defer func() { _ = conn.Close(t.Context()) }()
				_, err = conn.Exec(t.Context(), statement)
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			environment, flags, prefix, exec := open(t, dir)
			p := runProgram(t, dir, append(environment, "JANGBU_AUDIT_WITHIN=1s")...)
			var records []events.Record
			for _, id := range []string{"evt-1", "evt-2"} {
				records = append(records,
					record("event-created", id, fmt.Sprintf(`{"eventId":%q,"storeId":"store-1","title":"t","objective":"o"}`, id)),
					record("distribution-completed", id, fmt.Sprintf(`{"eventId":%q,"distributedChannels":["kakao"],"completedAt":"2026-03-02T10:00:00+09:00"}`, id)))
				for i := range 5 {
					records = append(records, record("participant-registered", id,
						fmt.Sprintf(`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-%04d","gender":"F","newCustomer":true}`, i, id, i)))
				}
			}
			p.produce(t, records...)
			p.settled(t, events.Totals{Head: 14}, 20*time.Second)
			page := p.api + "/api/events/evt-1/analytics"
			want := lasting(p.get(t, page))

			for n, damage := range []struct{ statement, table, served, folded string }{
				{"UPDATE {}participation_hourly SET participants = 77 WHERE campaign = 'evt-1'", "participation_hourly", "77", "5"},
				{"UPDATE {}event_stats SET participants = 78 WHERE campaign = 'evt-1'", "event_stats", "78", "5"},
				{"DELETE FROM {}channel_stats WHERE campaign = 'evt-1'", "channel_stats", "no row", "a row"},
				{
					`UPDATE {}participant_profile SET region = '{"부산":3}' WHERE campaign = 'evt-1'`,
					"participant_profile", `{"부산":3}`, `{"unknown":5}`,
				},
				{
					"DELETE FROM {}event_stats WHERE campaign = 'evt-1'; DELETE FROM {}channel_stats WHERE campaign = 'evt-1'; " +
						"DELETE FROM {}participation_hourly WHERE campaign = 'evt-1'; DELETE FROM {}participant_profile WHERE campaign = 'evt-1'",
					"channel_stats", "no row", "a row",
				},
				{"INSERT INTO {}participation_hourly (generation, campaign, hour, participants) SELECT 1, 'evt-9', hour, 1 FROM {}participation_hourly WHERE campaign = 'evt-1'", "participation_hourly", "a row", "no row"},
			} {
				// The new revision has caches read what is wrong.
				statement := strings.ReplaceAll(damage.statement+"; UPDATE {}store SET edits = edits + 1", "{}", prefix)
				if err := exec(statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
				waitFor(t, time.Minute, func() string {
					if m := p.metrics(t); m[`jangbu_audit_heals_total{result="done"}`] != int64(n)+1 || m["jangbu_audit_wrong_campaigns"] != 0 {
						return fmt.Sprintf("%s: not mended: %v", damage.statement, m)
					}
					return ""
				})
				waitFor(t, 5*time.Second, func() string {
					if status, got := p.ask(t, page); status != http.StatusOK || lasting(got) != want {
						return fmt.Sprintf("%s: served is, with status %d, %s\nwant %s", damage.statement, status, got, want)
					}
					return ""
				})
				if status, ready := p.ask(t, strings.Replace(p.admin, "/metrics", "/readyz", 1)); status != http.StatusOK ||
					!strings.Contains(string(ready), fmt.Sprintf("found wrong and mended: %d;", n+1)) {
					t.Errorf("%s: /readyz says, with status %d, %s", damage.statement, status, ready)
				}
				var out, complaint bytes.Buffer
				if code := cli.Run(t.Context(), &commands{}, append([]string{"projections", "status", "--json"}, flags...), cli.Terminal{Out: &out, Err: &complaint}); code != cli.ExitDone {
					t.Fatalf("projections status exits with %d: %s", code, &complaint)
				}
				if err := checkJSON("projections-status", out.Bytes()); err != nil {
					t.Error(err)
				}
				var status struct {
					Audit struct {
						Mended, Failed, Wrong int64
						Last                  struct {
							Kind, EventID, Who, State string
							Found                     readmodel.Found
						}
					}
				}
				if err := json.Unmarshal(out.Bytes(), &status); err != nil {
					t.Fatal(err)
				}
				audit, id := status.Audit, "evt-1"
				if strings.Contains(damage.statement, "evt-9") {
					id = "evt-9"
				}
				if audit.Mended != int64(n)+1 || audit.Failed+audit.Wrong > 0 || audit.Last.Kind != "heal" || audit.Last.EventID != id || audit.Last.State != "done" ||
					!strings.HasPrefix(audit.Last.Who, "audit of ") || audit.Last.Found.Total < 1 {
					t.Errorf("%s: projections status says %+v", damage.statement, audit)
					continue
				}
				if d := audit.Last.Found.Differences[0]; d.Table != damage.table || d.Served != damage.served || d.Folded != damage.folded {
					t.Errorf("%s: kept is %+v", damage.statement, audit.Last.Found)
				}
			}
			var out, complaint bytes.Buffer
			if code := cli.Run(t.Context(), &commands{}, append([]string{"projections", "status"}, flags...), cli.Terminal{Out: &out, Err: &complaint}); code != cli.ExitDone ||
				!strings.Contains(out.String(), "\naudit       found wrong and mended: 6; wrong now: 0; last at 20") || !strings.Contains(out.String(), "served a row, folded no row, at position 14") {
				t.Errorf("projections status exits with %d:\n%s%s", code, &out, &complaint)
			}
			if code := cli.Run(t.Context(), &commands{}, append([]string{"verify"}, flags...), cli.Terminal{Out: &out, Err: &complaint}); code != cli.ExitDone {
				t.Errorf("verify exits with %d:\n%s%s", code, &out, &complaint)
			}
		})
	}
}
