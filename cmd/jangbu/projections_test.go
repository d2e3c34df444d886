package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/synthetic"
)

// operated is a log with rows that only the commands fold, and a way to change the rows by
// hand.
type operated struct {
	flags []string
	exec  func(t *testing.T, statement string)
	table func(name string) string
	log   events.Log
	one   events.Campaign // of which there is a row in every table
}

func operatedOnSQLite(t *testing.T) *operated {
	t.Helper()
	dir := t.TempDir()
	o := &operated{flags: []string{"--data-dir", dir}, table: func(name string) string { return name }}
	o.fill(t, stores.Config{DataDir: dir})
	db, err := sql.Open("sqlite", filepath.Join(dir, "rows.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	o.exec = func(t *testing.T, statement string) {
		t.Helper()
		result, err := db.ExecContext(t.Context(), statement)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		if n, _ := result.RowsAffected(); n == 0 {
			t.Fatalf("%s changes nothing", statement)
		}
	}
	return o
}

func operatedOnPostgres(t *testing.T) *operated {
	t.Helper()
	url := services.Database(t)
	o := &operated{flags: []string{"--database-url", url}, table: func(name string) string { return "jangbu_rows." + name }}
	o.fill(t, stores.Config{DatabaseURL: url})
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	o.exec = func(t *testing.T, statement string) {
		t.Helper()
		tag, err := conn.Exec(t.Context(), statement)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		if tag.RowsAffected() == 0 {
			t.Fatalf("%s changes nothing", statement)
		}
	}
	return o
}

// fill makes a log and has it folded.
func (o *operated) fill(t *testing.T, at stores.Config) {
	t.Helper()
	log, closeLog, err := at.OpenLog(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeLog() })
	o.log = log
	g, err := synthetic.New(synthetic.Config{Seed: 5, Campaigns: 8, Start: created(t, "evt-0").OccurredAt})
	if err != nil {
		t.Fatal(err)
	}
	records := append(g.Campaigns(), g.Distributions()...)
	for range 300 {
		records = append(records, g.Next())
	}
	var drafts []events.Draft
	for _, record := range records {
		typ, _ := events.TypeNamed(record.Topic)
		decoded, err := events.Decode(typ, record, record.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, decoded.Draft)
	}
	if _, err := log.Append(t.Context(), drafts); err != nil {
		t.Fatal(err)
	}
	o.one = g.Expected().Campaigns[0].Campaign
	o.run(t, cli.ExitDone, "projections", "rebuild", "--all")
	o.run(t, cli.ExitDone, "verify")
}

// run carries out a command line, and returns what it printed.
func (o *operated) run(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, complaint bytes.Buffer
	if got := cli.Run(t.Context(), &commands{}, append(args, o.flags...), cli.Terminal{Out: &out, Err: &complaint}); got != want {
		t.Fatalf("%q exits with %d, want %d\n%s%s", args, got, want, &out, &complaint)
	}
	return out.String(), complaint.String()
}

// asked does so in another process, on a terminal on which the answer is typed; with none, without
// a terminal.
func (o *operated) asked(t *testing.T, want int, answer string, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd := commandLine(t, append(args, o.flags...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if answer != "" {
		cmd.Stdin = terminal(t, answer)
	}
	if got := exitCodeOf(cmd.Run()); got != want {
		t.Fatalf("%q exits with %d, want %d\n%s%s", args, got, want, &out, &complaint)
	}
	return out.String(), complaint.String()
}

// TestRowsChangedByHandAreMended changes a row by hand in each table, one after another:
// verify names it, a dry run shows it, an answer other than yes leaves it, and a reset of
// the campaign mends it. Others are not mended with it.
func TestRowsChangedByHandAreMended(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) *operated{"sqlite": operatedOnSQLite, "postgres": operatedOnPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			of := fmt.Sprintf(" AND campaign = '%s'", o.one)
			for table, set := range map[string]string{
				"event_stats":          "participants = participants + 1",
				"channel_stats":        "cost_won = cost_won + 5",
				"participation_hourly": "participants = participants - 1",
				"participant_profile":  `gender = '{"changed":1}'`,
			} {
				where := " WHERE generation = 2"
				o.exec(t, "UPDATE "+o.table(table)+" SET "+set+where+of)
				_, complaint := o.run(t, cli.ExitCheckFailed, "verify")
				if want := fmt.Sprintf("campaign %q: %s", o.one, table); !strings.Contains(complaint, want) {
					t.Errorf("verify says %q; want in it %q", complaint, want)
				}

				reset := []string{"projections", "reset", "--campaign", string(o.one), table}
				out, _ := o.run(t, cli.ExitDone, append(reset, "--dry-run", "--json")...)
				var found struct {
					Campaigns, Changing int
					Changes             []struct {
						Campaign events.Campaign `json:"eventId"`
						Table    string
					}
				}
				if err := json.Unmarshal([]byte(out), &found); err != nil || found.Changing != 1 || found.Campaigns != 1 || found.Changes[0].Table != table || found.Changes[0].Campaign != o.one {
					t.Errorf("dry run: %v: %s", err, out)
				}
				out, complaint = o.asked(t, cli.ExitFailed, "no\n", append(reset, "--diff")...)
				if !strings.Contains(out, "1 of 1 campaigns change\n  "+string(o.one)+": "+table) || !strings.Contains(complaint, "not confirmed, nothing was changed") {
					t.Errorf("a no is answered with %q", complaint)
				}
				o.asked(t, cli.ExitFailed, "\x04", append(reset, "--diff")...) // the end of input
				if _, complaint = o.asked(t, cli.ExitUsage, "", append(reset, "--diff")...); !strings.Contains(complaint, "no terminal to ask on: 1 campaigns change") {
					t.Errorf("without a terminal it says %q", complaint)
				}
				o.run(t, cli.ExitCheckFailed, "verify", "--campaign", string(o.one))

				o.exec(t, "UPDATE "+o.table("event_stats")+" SET new_customers = new_customers + 1 WHERE generation = 2 AND campaign <> '"+string(o.one)+"'")
				if _, complaint = o.asked(t, cli.ExitDone, "yes\n", append(reset, "--diff")...); !strings.Contains(complaint, "Type yes") {
					t.Errorf("no question was asked: %q", complaint)
				}
				o.run(t, cli.ExitDone, "verify", "--campaign", string(o.one))
				out, _ = o.run(t, cli.ExitDone, "projections", "rebuild", "--all", "--dry-run", "--json")
				if err := json.Unmarshal([]byte(out), &found); err != nil || found.Changing != 7 || found.Campaigns != 8 {
					t.Errorf("after the reset of one: %v: %s", err, out)
				}
				o.exec(t, "UPDATE "+o.table("event_stats")+" SET new_customers = new_customers - 1 WHERE generation = 2 AND campaign <> '"+string(o.one)+"'")
				o.run(t, cli.ExitDone, "verify")
			}
			// All of it at once, by a rebuild that is not asked about.
			o.exec(t, "DELETE FROM "+o.table("participation_hourly")+" WHERE generation = 2")
			if out, _ := o.run(t, cli.ExitDone, "projections", "rebuild", "--all", "--diff", "--yes"); !strings.Contains(out, "8 of 8 campaigns change") {
				t.Errorf("rebuild says %q", out)
			}
			o.run(t, cli.ExitDone, "verify")
			// Rows of another log are not compared; a rebuild heals them.
			o.exec(t, "UPDATE "+o.table("generations")+" SET position = position + 1000 WHERE projection = 'event_stats'")
			if _, complaint := o.run(t, cli.ExitFailed, "projections", "rebuild", "--all", "--dry-run", "--json"); !strings.Contains(complaint, "a rebuild replaces all rows: event_stats: served checkpoint ") {
				t.Errorf("a rebuild of rows of another log, only tried, says %q", complaint)
			}
			o.run(t, cli.ExitCheckFailed, "verify")
			if _, complaint := o.run(t, cli.ExitDone, "projections", "rebuild", "--all"); !strings.Contains(complaint, "the log went back") {
				t.Errorf("a rebuild of rows of another log says %q", complaint)
			}
			o.run(t, cli.ExitDone, "verify")
		})
	}
}

// TestQuestionIsInterrupted sends SIGINT to a command that waits for a reply.
func TestQuestionIsInterrupted(t *testing.T) {
	t.Parallel()
	o := operatedOnSQLite(t)
	o.exec(t, "UPDATE event_stats SET participants = participants + 1 WHERE generation = 2")
	cmd := commandLine(t, append([]string{"projections", "rebuild", "--all", "--diff"}, o.flags...)...)
	cmd.Stdin = terminal(t, "") // on which no line is typed
	cmd.Stderr = nil
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	patience := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer patience.Stop()
	said := bufio.NewReader(stderr)
	if _, err := said.ReadString('?'); err != nil {
		t.Fatalf("no question was asked: %v", err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(said)
	if err != nil {
		t.Fatal(err)
	}
	if got := exitCodeOf(cmd.Wait()); got != cli.ExitInterrupted || !strings.HasSuffix(string(rest), "\njangbu: interrupted; nothing was changed\n") {
		t.Errorf("exits with %d, and says last %q", got, rest)
	}
}
