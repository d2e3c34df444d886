package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/sqlitelog"
	"jangbu/readmodel/dashboard"
)

// withdrawn withdraws events of the log at random, and withdrawals, a tenth of them in all, and
// returns the head.
func withdrawn(t *testing.T, path string, head events.Position, random *rand.Rand) events.Position {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), path, sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	for first, last := head, head+head/10; head < last; head++ {
		after := events.Position(random.Int64N(int64(head)))
		if head > first && random.IntN(3) == 0 {
			after = first + events.Position(random.Int64N(int64(head-first)))
		}
		read, err := log.Read(t.Context(), after, 1)
		if err != nil {
			t.Fatal(err)
		}
		d, err := events.NewWithdrawal(events.EventsWithdrawn{Campaign: read[0].Event.Subject(), Positions: []events.Position{read[0].Position}, Who: "w", Why: fmt.Sprint(head)}, read[0].RecordedAt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(t.Context(), []events.Draft{d}); err != nil {
			t.Fatal(err)
		}
	}
	return head
}

// TestWhyIsWhatReplaySays asks why of random campaigns and moments: the number is the one that a
// replay as of there gives, and the pages of its registrations are as many.
func TestWhyIsWhatReplaySays(t *testing.T) {
	t.Parallel()
	dir, random := t.TempDir(), rand.New(rand.NewPCG(5, 6))
	path := filepath.Join(dir, "log.db")
	head := withdrawn(t, path, syntheticLog(t, path), random)
	for range 6 {
		at := fmt.Sprint(head/4 + events.Position(random.Int64N(int64(head-head/4))))
		out, complaint, code := command(t, "replay", "--data-dir", dir, "--as-of", at, "--json")
		if code != cli.ExitDone {
			t.Fatalf("replay as of %s: exit %d: %s", at, code, complaint)
		}
		var replayed struct {
			Campaigns []struct {
				EventID string
				Summary map[string]any
			}
		}
		if err := json.Unmarshal([]byte(out), &replayed); err != nil {
			t.Fatal(err)
		}
		one := replayed.Campaigns[random.IntN(len(replayed.Campaigns))]
		for _, number := range dashboard.Numbers() {
			count, cursor := 0., "0"
			for cursor != "" {
				out, complaint, code := command(t, "why", "--data-dir", dir, "--campaign", one.EventID, "--card", string(number), "--at", at, "--limit", "9", "--cursor", cursor, "--json")
				if code != cli.ExitDone {
					t.Fatalf("%s of %s as of %s: exit %d: %s", number, one.EventID, at, code, complaint)
				}
				var page struct {
					Total  any
					Events []struct{}
					Next   *string
				}
				if err := json.Unmarshal([]byte(out), &page); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(one.Summary[string(number)], page.Total); diff != "" {
					t.Fatalf("%s of %s as of %s (-replay +why):\n%s", number, one.EventID, at, diff)
				}
				count += float64(len(page.Events))
				if cursor = ""; page.Next != nil {
					cursor = *page.Next
				}
			}
			if total := one.Summary["totalParticipants"]; number == dashboard.TotalParticipants && count != total {
				t.Errorf("%s as of %s: %v registrations of %v", one.EventID, at, count, total)
			}
		}
	}
}
