package projections_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

var update = flag.Bool("update", false, "rewrite the golden rows")

// TestFoldGolden folds the log of each case in testdata with all projections
// and compares the rows.
func TestFoldGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.Files) != 2 || archive.Files[0].Name != "log" || archive.Files[1].Name != "rows" {
				t.Fatal("expected the sections log and rows")
			}
			rows := newRows()
			projections.Fold(rows, projections.All(), parseLog(t, string(archive.Files[0].Data)))
			got := printRows(rows)
			if *update {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// recordedAt is when the event at a position of a test's log was appended.
func recordedAt(p events.Position) time.Time {
	return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Add(time.Duration(p) * time.Second)
}

// parseLog reads one event per line: when it occurred, its type, its stored form.
func parseLog(t *testing.T, text string) []events.Recorded {
	t.Helper()
	var log []events.Recorded
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(parts) != 3 {
			t.Fatalf("log: expected time, type and event, got %q", line)
		}
		at, err := time.Parse(time.RFC3339, parts[0])
		if err != nil {
			t.Fatalf("log: %v", err)
		}
		typ, ok := events.TypeNamed(parts[1])
		if !ok {
			t.Fatalf("log: unknown type %q", parts[1])
		}
		event, err := events.DecodeStored(events.CurrentForm, typ, []byte(parts[2]))
		if err != nil {
			t.Fatalf("log: %v in %s", err, parts[2])
		}
		p := events.Position(len(log) + 1)
		log = append(log, events.Recorded{Position: p, OccurredAt: at.UTC(), RecordedAt: recordedAt(p), Event: event})
	}
	return log
}

// printRows prints every row on a line, with what is known of it.
func printRows(rows *readmodel.Rows) string {
	var b strings.Builder
	for t, all := range rows.All() {
		for _, row := range all {
			b.WriteString(t.Name)
			for _, c := range t.Columns {
				printField(&b, c, row)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// printField prints a field that is known, a text in quotes where it needs them.
func printField(b *strings.Builder, c readmodel.Column, row any) {
	text := c.Text(row)
	if figure, ok := c.At(row).(*readmodel.Figure); text == "" || ok && !figure.Known() {
		return
	}
	if c.Kind == readmodel.Text && strings.ContainsAny(text, " \n\"") {
		text = strconv.Quote(text)
	}
	fmt.Fprintf(b, " %s=%s", c.Name, text)
}

func figures(row readmodel.ChannelStats) [6]readmodel.Figure {
	return [6]readmodel.Figure{row.Impressions, row.Views, row.Clicks, row.Likes, row.Comments, row.Shares}
}

// TestAll holds that projections are listed once, by name, and have versions.
func TestAll(t *testing.T) {
	t.Parallel()
	last := ""
	for _, p := range projections.All() {
		if p.Name() <= last {
			t.Errorf("%s after %s", p.Name(), last)
		}
		if p.Version < 1 {
			t.Errorf("%s has version %d, want at least 1", p.Name(), p.Version)
		}
		last = p.Name()
	}
}

// TestFoldingAnEventTwicePanics holds that a row never takes an event that it
// has already taken (I1).
func TestFoldingAnEventTwicePanics(t *testing.T) {
	t.Parallel()
	log := parseLog(t, `2026-11-23T01:00:00Z ParticipantRegistered {"participantId":"p-1","eventId":"evt-1"}`)
	rows := newRows()
	projections.Fold(rows, projections.All(), log)
	defer func() {
		if recover() == nil {
			t.Error("folded the same event twice, want a panic")
		}
	}()
	projections.Fold(rows, projections.All(), log)
}

// TestTimesAreKeptAsStoresKeepThem holds that rows are the same whether or not
// they have been through a store (I6).
func TestTimesAreKeptAsStoresKeepThem(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 10, 0, 0, 1_999, time.FixedZone("", 9*3600))
	want := time.Date(2026, 11, 23, 1, 0, 0, 1_000, time.UTC)
	likes := int64(1)
	rows := newRows()
	for i, e := range []events.Event{
		&events.EventCreated{Campaign: "evt-1", StartsAt: at, EndsAt: at},
		&events.DistributionCompleted{Campaign: "evt-1", Channels: []events.Distribution{{Channel: events.Kakao}}, CompletedAt: at},
		&events.ChannelStatsFetched{Campaign: "evt-1", Channel: events.Kakao, FetchedAt: at, Likes: &likes},
		&events.ParticipantRegistered{Campaign: "evt-1", Participant: "p-1"},
	} {
		p := events.Position(i + 1)
		projections.Fold(rows, projections.All(), []events.Recorded{{Position: p, OccurredAt: at, RecordedAt: recordedAt(p), Event: e}})
	}
	channel := rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: "kakao"})
	for name, got := range map[string]time.Time{
		"startsAt":      rows.Campaign("evt-1").StartsAt,
		"endsAt":        rows.Campaign("evt-1").EndsAt,
		"distributedAt": channel.DistributedAt,
		"fetchedAt":     channel.FetchedAt,
		"likes":         channel.Likes.At,
	} {
		if got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	if _, ok := rows.Hours()[readmodel.HourKey{Campaign: "evt-1", Hour: want.Truncate(time.Hour)}]; !ok {
		t.Errorf("hours = %v, want one at %v", rows.Hours(), want.Truncate(time.Hour))
	}
}
