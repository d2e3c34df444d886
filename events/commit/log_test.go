package commit_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/events/commit"
	"jangbu/events/sqlitelog"
)

// draftOf is a registration; two of one participant with different regions conflict.
func draftOf(t *testing.T, participant, region string) events.Draft {
	t.Helper()
	d, err := events.Decode(events.TypeParticipantRegistered, events.Record{
		Timestamp: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC),
		Value: fmt.Appendf(nil, `{"participantId":%q,"eventId":"evt-1","phoneNumber":"010-9876-5432","region":%q}`,
			participant, region),
	}, time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC))
	if err != nil {
		t.Error(err)
	}
	d.SetPseudonym(events.Pseudonym{1})
	return d.Draft
}

// Concurrent callers append new, repeated and conflicting drafts of their own to a
// real log. Each must get the outcomes that it would get alone, and the positions of its own.
func TestOutcomesOfARealLogAreOnesOwn(t *testing.T) {
	t.Parallel()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })

	round, received := 0, int64(0)
	rapid.Check(t, func(rt *rapid.T) {
		round++
		type choice struct{ Participant, Region int }
		choices := rapid.SliceOfN(rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) choice {
			return choice{rapid.IntRange(0, 9).Draw(t, "participant"), rapid.IntRange(0, 1).Draw(t, "region")}
		}), 0, 6), 1, 4), 1, 6).Draw(rt, "drafts of each append of each caller")

		before, err := log.Totals(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		a := commit.New(log, commit.Options{})
		defer a.Close()
		var running sync.WaitGroup
		written := make([][]string, len(choices))
		var mu sync.Mutex
		var added []events.Recorded // guarded by mu
		for caller, appends := range choices {
			running.Go(func() {
				first := map[int]int{} // the region that holds, by participant
				for _, wanted := range appends {
					var drafts []events.Draft
					var want []events.Outcome
					counted := int64(0)
					for _, c := range wanted {
						participant := fmt.Sprintf("%d/%d/%d", round, caller, c.Participant)
						drafts = append(drafts, draftOf(t, participant, events.Regions()[c.Region]))
						switch region, known := first[c.Participant]; {
						case !known:
							first[c.Participant] = c.Region
							written[caller] = append(written[caller], participant)
							want = append(want, events.Appended)
							counted++
						case region == c.Region:
							want = append(want, events.Duplicate)
							counted++
						default:
							want = append(want, events.Conflict)
						}
					}
					got, err := a.Append(t.Context(), drafts)
					if diff := cmp.Diff(want, got.Outcomes, equateEmpty()); err != nil || diff != "" {
						rt.Errorf("caller %d: %v, outcomes (-want +got):\n%s", caller, err, diff)
					}
					mu.Lock()
					received += counted
					added = append(added, got.Recorded(drafts)...)
					mu.Unlock()
				}
			})
		}
		running.Wait()

		recorded, err := log.Read(t.Context(), before.Head, 1000)
		if err != nil {
			rt.Fatal(err)
		}
		slices.SortFunc(added, func(a, b events.Recorded) int { return int(a.Position - b.Position) })
		if diff := cmp.Diff(recorded, added, equateEmpty()); diff != "" {
			rt.Errorf("what the receipts say was added (-log +receipts):\n%s", diff)
		}
		got := make([][]string, len(choices))
		for _, r := range recorded {
			participant := r.Event.(*events.ParticipantRegistered).Participant
			var caller int
			if _, err := fmt.Sscanf(participant[strings.Index(participant, "/"):], "/%d/", &caller); err != nil {
				rt.Fatal(err)
			}
			got[caller] = append(got[caller], participant)
		}
		if diff := cmp.Diff(written, got); diff != "" {
			rt.Errorf("each caller's events in the log, in order (-want +got):\n%s", diff)
		}
		after, err := log.Totals(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		if after.Received != received {
			rt.Errorf("the log received %d, want %d", after.Received, received)
		}
	})
}
