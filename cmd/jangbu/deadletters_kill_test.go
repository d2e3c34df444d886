package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/privacy"
)

// TestRetryKilled kills retries of many letters, interrupts others, and lets the last
// one finish: each letter has become one event, in the order of its partition, and the
// account holds all the while (I1, I3, I5).
func TestRetryKilled(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, database string) {
		testRetryKilled(t, stores.Config{DataDir: t.TempDir(), DatabaseURL: database})
	})
}

func testRetryKilled(t *testing.T, at stores.Config) {
	const letters, partitions, attempts = 4_000, 4, 6
	log, closeLog, err := at.OpenLog(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeLog() })
	key := filepath.Join(at.DataDir, "master.key")
	buryRegistrations(t, at, log, key, letters, partitions)
	account := func() events.Totals {
		t.Helper()
		totals, err := log.Totals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if totals.Received != letters || int64(totals.Head)+totals.DeadLettered != letters {
			t.Fatalf("totals are %+v of %d letters", totals, letters)
		}
		return totals
	}

	args := append([]string{"deadletters", "retry", "--why", "a test", "--all"},
		given("--data-dir", at.DataDir, "--database-url", at.DatabaseURL, "--master-key-file", key)...)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for attempt := range attempts {
		before := account().Head
		if before == letters {
			break // it has been quicker than this test
		}
		var complaint bytes.Buffer
		cmd := commandLine(t, args...)
		cmd.Stderr = &complaint
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// At a random moment within its first few transactions.
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if _, err := log.Wait(ctx, min(before+events.Position(random.IntN(600)), letters-1)); err != nil {
			t.Fatal(err)
		}
		cancel()
		if attempt%2 == 0 {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		} else {
			_ = cmd.Process.Signal(os.Interrupt)
			switch code := exitCodeOf(cmd.Wait()); {
			case code == cli.ExitInterrupted && strings.Contains(complaint.String(), "the same command goes on"):
			case account().Head == letters: // quicker than the signal, which may have come at its end
			case code == -1 && complaint.Len() == 0: // it did not listen yet; the event was the last of the one before
			default:
				t.Errorf("interrupted, it exits with %d and says %s", code, &complaint)
			}
		}
		t.Logf("attempt %d: at %d of %d", attempt, account().Head, letters)
	}
	out, err := commandLine(t, append(args, "--json")...).Output()
	if code := exitCodeOf(err); code != cli.ExitDone && code != cli.ExitNothing {
		t.Errorf("the last retry exits with %d: %s", code, out)
	}
	if totals := account(); totals.Head != letters || totals.Duplicates != 0 {
		t.Errorf("totals are %+v, want each letter to be an event", totals)
	}
	recorded, err := log.Read(t.Context(), 0, letters+1)
	if err != nil {
		t.Fatal(err)
	}
	next := map[string]int{}
	for _, r := range recorded {
		var partition string
		var n int
		if _, err := fmt.Sscanf(r.Event.(*events.ParticipantRegistered).Participant, "%1s-%d", &partition, &n); err != nil || n != next[partition] {
			t.Fatalf("position %d: %v is not the next of its partition, %d", r.Position, r.Event, next[partition])
		}
		next[partition]++
	}
}

// buryRegistrations buries good registrations, sealed under a new master key.
func buryRegistrations(t *testing.T, at stores.Config, log events.Log, key string, letters, partitions int) {
	t.Helper()
	master, err := privacy.CreateMasterKey(key)
	if err != nil {
		t.Fatal(err)
	}
	keys, closeKeys, err := at.OpenKeys(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeKeys() }()
	keeper, err := privacy.Open(t.Context(), keys, master)
	if err != nil {
		t.Fatal(err)
	}
	buried := make([]events.DeadLetter, letters)
	for i := range buried {
		partition, offset := i%partitions, i/partitions
		r := record("participant-registered", "evt-1", fmt.Sprintf(`{"participantId":"%d-%d","eventId":"evt-1","phoneNumber":"010-2222-%04d"}`, partition, offset, i))
		r.Partition, r.Offset = int32(partition), int64(offset)
		id, sealed, err := keeper.Seal(r)
		if err != nil {
			t.Fatal(err)
		}
		buried[i] = events.DeadLetter{ID: id, Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp, Reason: events.ReasonMalformed, Sealed: sealed}
	}
	rand.Shuffle(letters, func(i, j int) { buried[i], buried[j] = buried[j], buried[i] })
	if err := log.DeadLetters().Bury(t.Context(), buried); err != nil {
		t.Fatal(err)
	}
}

// TestRetriesAtOnce lets two retries, a discard and a service's appends meet.
func TestRetriesAtOnce(t *testing.T) {
	t.Parallel()
	at := stores.Config{DataDir: t.TempDir()}
	const letters = 2_000
	log := openedLog(t, at.DataDir)
	key := filepath.Join(at.DataDir, "master.key")
	buryRegistrations(t, at, log, key, letters, 3)
	ended := make(chan int, 3)
	start := func(args ...string) {
		go func() {
			ended <- cli.Run(t.Context(), &commands{}, append(append([]string{"deadletters"}, args...), "--data-dir", at.DataDir), cli.Terminal{Out: io.Discard, Err: t.Output()})
		}()
	}
	start("retry", "--why", "a test", "--all")
	start("retry", "--why", "a test", "--reason", "malformed")
	if _, err := log.Wait(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	start("discard", "--all", "--why", "test", "--yes")
	const appends = 50
	for n := range appends {
		if _, err := log.Append(t.Context(), []events.Draft{created(t, fmt.Sprintf("evt-of-service-%d", n))}); err != nil {
			t.Error(err)
		}
	}
	for range 3 {
		if code := <-ended; code != cli.ExitDone && code != cli.ExitNothing {
			t.Errorf("exit code %d", code)
		}
	}
	totals, err := log.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if totals.Received != letters+appends || totals.DeadLettered != totals.Discarded || totals.Duplicates != 0 {
		t.Errorf("totals are %+v", totals)
	}
	if _, err := log.Read(t.Context(), 0, letters+appends); err != nil {
		t.Error(err)
	}
	t.Logf("%d revived, %d discarded", int(totals.Head)-appends, totals.Discarded)
}
