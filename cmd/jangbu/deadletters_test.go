package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// TestDeadLetters makes a mistake that operators make: two topics have each other's
// name, so that good registrations are refused. With the names put right they are
// tried again beside the running service, and all is as if they had never been refused.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, database string) {
		at, key := stores.Config{DataDir: t.TempDir(), DatabaseURL: database}, ""
		if database != "" {
			key = filepath.Join(at.DataDir, "of-postgres.key")
			if _, err := privacy.CreateMasterKey(key); err != nil {
				t.Fatal(err)
			}
		}
		testDeadLetters(t, at, key)
	})
}

// onEachDatabase runs the test on SQLite, with no URL, and on PostgreSQL.
func onEachDatabase(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, services.Database(t))
	})
}

func testDeadLetters(t *testing.T, at stores.Config, key string) {
	// 60 registrations, 3 of which are malformed, and 1 of a known participant with
	// other content.
	const good, malformed = 57, 3
	var records []events.Record
	registration := func(n int, phone string) events.Record {
		campaign := fmt.Sprintf("evt-%d", n%3)
		return record("participant-registered", campaign, fmt.Sprintf(
			`{"participantId":"p-%d","eventId":%q,"phoneNumber":%q,"registeredAt":"2026-11-20T10:00:00+09:00"}`, n, campaign, phone))
	}
	for n := range good + malformed {
		phone := fmt.Sprintf("010-7654-%04d", n)
		if n%20 == 7 {
			phone = "call me"
		}
		records = append(records, registration(n, phone))
	}
	conflict := registration(0, "010-7654-9999")
	conflict.Value = bytes.Replace(conflict.Value, []byte("}"), []byte(`,"region":"부산"}`), 1)
	records = append(records, conflict)

	environment := []string{"JANGBU_DATABASE_URL=" + at.DatabaseURL, "JANGBU_MASTER_KEY_FILE=" + key}
	command := func(t *testing.T, want int, args ...string) string {
		t.Helper()
		args = append([]string{"deadletters"}, append(args, "--data-dir", at.DataDir)...)
		if at.DatabaseURL != "" {
			args = append(args, "--database-url", at.DatabaseURL)
			if args[1] == "retry" {
				args = append(args, "--master-key-file", key)
			}
		}
		if args[1] == "retry" {
			args = append(args, "--why", "a test")
		}
		var stdout, stderr bytes.Buffer
		if code := cli.Run(t.Context(), &commands{}, args, cli.Terminal{Out: &stdout, Err: &stderr}); code != want {
			t.Fatalf("%q exits with %d, want %d\n%s%s", args, code, want, &stdout, &stderr)
		}
		if all := stdout.String() + stderr.String(); strings.Contains(all, "7654") || strings.Contains(all, "call me") {
			t.Errorf("%q prints a phone number:\n%s", args, all)
		}
		return stdout.String()
	}
	contains := func(t *testing.T, got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("printed %s, want in it %s", got, want)
		}
	}

	t.Run("wrong names", func(t *testing.T) {
		p := runProgram(t, at.DataDir, append(environment,
			"JANGBU_TOPIC_PARTICIPANT_REGISTERED=distribution-completed", "JANGBU_TOPIC_DISTRIBUTION_COMPLETED=participant-registered")...)
		p.produce(t, records...)
		p.settled(t, events.Totals{DeadLettered: good + malformed + 1}, 20*time.Second)
		contains(t, command(t, cli.ExitDone, "list", "--json"), fmt.Sprintf(`"reason":"malformed","waiting":%d,`, good+malformed+1))

		foreseen := command(t, cli.ExitCheckFailed, "retry", "--all", "--json", "--dry-run")
		p.settled(t, events.Totals{DeadLettered: good + malformed + 1}, 0)
		keys, closeKeys, err := at.OpenKeys(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = closeKeys() }()
		if made, err := keys.Keys(t.Context(), []events.Campaign{"evt-0", "evt-1", "evt-2"}); err != nil || len(made) != 0 {
			t.Errorf("the dry run has made %d keys, %v", len(made), err)
		}
		done := command(t, cli.ExitCheckFailed, "retry", "--all", "--json")
		contains(t, done, fmt.Sprintf(`"letters":%d,"appended":%d,"duplicates":0,"stay":%d,"gone":0,`, good+malformed+1, good, malformed+1))
		contains(t, done, `"reason":"conflict","detail":"the log holds the same ID with other content"`)
		if want := strings.Replace(foreseen, `"dryRun":true`, `"dryRun":false`, 1); done != want {
			t.Errorf("the dry run said %s, and done was %s", foreseen, done)
		}
		totals := p.settled(t, events.Totals{Head: good}, 10*time.Second)
		if totals.Head != good || totals.Duplicates != 0 || totals.DeadLettered != malformed+1 {
			t.Errorf("totals are %+v", totals)
		}
	})
	t.Run("right names", func(t *testing.T) {
		p := runProgram(t, at.DataDir, environment...)
		p.produce(t, records...) // once more
		totals := p.settled(t, events.Totals{Head: good, Duplicates: good, DeadLettered: 2 * (malformed + 1)}, 20*time.Second)
		want := events.Totals{Head: good, Duplicates: good, DeadLettered: 2 * (malformed + 1), Received: 2 * (good + malformed + 1)}
		if totals != want {
			t.Errorf("totals are %+v, want %+v", totals, want)
		}
		for n := range 3 {
			if d := p.dashboard(t, fmt.Sprintf("evt-%d", n)); d.Summary.TotalParticipants != good/3 {
				t.Errorf("evt-%d has %+v, want %d participants", n, d.Summary, good/3)
			}
		}

		var first struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal([]byte(command(t, cli.ExitDone, "list", "--limit", "1", "--json")), &first); err != nil {
			t.Fatal(err)
		}
		command(t, cli.ExitDone, "discard", first.ID, "--why", "시험", "--yes")
		contains(t, command(t, cli.ExitDone, "show", first.ID), "why         시험")
		contains(t, command(t, cli.ExitDone, "discard", "--all", "--why", "시험", "--yes", "--json"), fmt.Sprintf(`"discarded":%d,`, 2*(malformed+1)-1))
		command(t, cli.ExitNothing, "retry", "--all")
		want.Discarded = want.DeadLettered
		if totals = p.settled(t, want, 0); totals != want {
			t.Errorf("totals are %+v, want %+v", totals, want)
		}
		var stdout, stderr bytes.Buffer
		verify := append([]string{"verify"}, given("--data-dir", at.DataDir, "--database-url", at.DatabaseURL)...)
		if code := cli.Run(t.Context(), &commands{}, verify, cli.Terminal{Out: &stdout, Err: &stderr}); code != cli.ExitDone {
			t.Errorf("verify exits with %d\n%s%s", code, &stdout, &stderr)
		}
	})
}
