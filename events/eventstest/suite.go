package eventstest

import (
	"context"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jangbu/events"
)

// Store is where one test's log is kept. It is empty when the test gets it.
type Store struct {
	// Open opens another handle, as another process would. It is closed when t
	// ends.
	Open func(t testing.TB) events.Log
	// OpenLogging is Open, with a logger.
	OpenLogging func(t testing.TB, logger *slog.Logger) events.Log
	// Exec runs the statements, in their order, on a connection of its own. They
	// name the tables log_head, events, links, sources, dead_letters and withdrawn_rights
	// without a schema.
	Exec func(ctx context.Context, statements ...string) error
}

// Adapter describes an implementation to the suite.
type Adapter struct {
	// New creates an empty store. It is removed when t ends.
	New func(t testing.TB) Store
	// LiftAccount is a statement that lifts the constraint of the account for later
	// statements of the same [Store.Exec].
	LiftAccount string
	// HourAhead is a statement that adds an hour to the head's recorded_at.
	HourAhead string
	// WeekBack are statements that take a week from the recorded_at of all events and of the
	// head.
	WeekBack []string
	// Segment is how many positions a segment of the stores' logs has; 0: they have none, or
	// large ones.
	Segment int
	// Settle does now what the log does beside appends; nil: it does nothing.
	Settle func(t testing.TB, log events.Log)
}

// patience bounds every wait of the suite. No passing test comes near it.
const patience = 30 * time.Second

// TestLog tests an implementation of [events.Log] and its [events.DeadLetters].
func TestLog(t *testing.T, a Adapter) {
	for _, theme := range []struct {
		name string
		test func(*testing.T, Adapter)
	}{
		{"Append", testAppend},
		{"Identity", testIdentity},
		{"DeadLetters", testDeadLetters},
		{"WaitingLetters", testWaitingLetters},
		{"Shops", testShops},
		{"Revive", testRevive},
		{"Discard", testDiscard},
		{"Restore", testRestore},
		{"Beside", testBeside},
		{"Segments", testSegments},
		{"Chain", testChain},
		{"Erasures", testErasures},
		{"Accesses", testAccesses},
		{"Rights", testRights},
		{"Sources", testSources},
		{"Origins", testOrigins},
		{"Read", testRead},
		{"ReadStream", testReadStream},
		{"Wait", testWait},
		{"Cancel", testCancel},
		{"Damage", testDamage},
		{"Model", testModel},
		{"ManyWriters", testManyWriters},
	} {
		t.Run(theme.name, func(t *testing.T) {
			t.Parallel()
			theme.test(t, a)
		})
	}
}

// rule runs one rule of a theme on a store of its own.
func rule(t *testing.T, a Adapter, name string, test func(*testing.T, Store)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		test(t, a.New(t))
	})
}

func mustAppend(t testing.TB, log events.Appender, drafts ...events.Draft) []events.Outcome {
	t.Helper()
	receipt, err := log.Append(t.Context(), drafts)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	if len(receipt.Outcomes) != len(drafts) {
		t.Fatalf("Append returned %d outcomes for %d drafts", len(receipt.Outcomes), len(drafts))
	}
	return receipt.Outcomes
}

func mustRead(t testing.TB, log events.Log, after events.Position, limit int) []events.Recorded {
	t.Helper()
	read, err := log.Read(t.Context(), after, limit)
	if err != nil {
		t.Fatalf("Read(%d, %d): %v", after, limit, err)
	}
	return read
}

func mustTotals(t testing.TB, log events.Log) events.Totals {
	t.Helper()
	totals, err := log.Totals(t.Context())
	if err != nil {
		t.Fatalf("Totals: %v", err)
	}
	return totals
}

func mustBury(t testing.TB, log events.Log, letters ...events.DeadLetter) {
	t.Helper()
	if err := log.DeadLetters().Bury(t.Context(), letters); err != nil {
		t.Fatalf("Bury: %v", err)
	}
}

func mustRevive(t testing.TB, log events.Log, revivals ...events.Revival) []events.Outcome {
	t.Helper()
	outcomes, err := log.DeadLetters().Revive(t.Context(), revivals)
	if err != nil {
		t.Fatalf("Revive: %v", err)
	}
	if len(outcomes) != len(revivals) {
		t.Fatalf("Revive returned %d outcomes for %d letters", len(outcomes), len(revivals))
	}
	return outcomes
}

func mustDiscard(t testing.TB, log events.Log, want int, letters ...events.ID) {
	t.Helper()
	n, err := log.DeadLetters().Discard(t.Context(), letters, events.Discarded{By: "me@here", Why: "시험 데이터"})
	if err != nil {
		t.Fatalf("Discard: %v", err)
	}
	if n != want {
		t.Errorf("Discard gave up %d letters, want %d", n, want)
	}
}

// waiting returns the letters that wait, in the order of their records.
func waiting(t testing.TB, log events.Log) []events.DeadLetter {
	t.Helper()
	letters, err := log.DeadLetters().Waiting(t.Context(), events.DeadLetterQuery{Limit: 1000})
	if err != nil {
		t.Fatalf("WaitingLetters: %v", err)
	}
	return letters
}

// wantOutcomes compares the outcomes of an append.
func wantOutcomes(t testing.TB, got []events.Outcome, want ...events.Outcome) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

// wantRecorded compares the events read with the drafts appended, the first of them
// at the position first.
func wantRecorded(t testing.TB, got []events.Recorded, first events.Position, drafts ...events.Draft) {
	t.Helper()
	var want []events.Recorded
	for i, d := range drafts {
		want = append(want, recordedOf(d, first+events.Position(i)))
		if i < len(got) {
			want[i].RecordedAt = got[i].RecordedAt // set by the log
		}
	}
	if diff := diffRecorded(want, got); diff != "" {
		t.Errorf("events read (-want +got):\n%s", diff)
	}
}

// diffRecorded returns how the events differ. It calls cmp only if they do: on
// thousands of events cmp takes longer than the log.
func diffRecorded(want, got []events.Recorded) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got, cmpopts.EquateEmpty())
}

// wantTotals compares the account except RecordedAt, which the log sets.
func wantTotals(t testing.TB, log events.Log, want events.Totals) {
	t.Helper()
	got := mustTotals(t, log)
	want.RecordedAt = got.RecordedAt
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

func recordedOf(d events.Draft, p events.Position) events.Recorded {
	return events.Recorded{Position: p, ID: d.ID, Digest: d.Digest, OccurredAt: d.OccurredAt, Event: d.Event}
}
