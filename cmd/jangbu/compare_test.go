package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
)

// differences is what compare prints of one campaign and two moments.
type differences struct {
	From, To struct {
		Summary struct{ TotalParticipants int64 }
	}
	Difference struct{ TotalParticipants int64 }
	Changes    []struct {
		Type           string
		Channel        *string
		Added, Removed int64
	}
	Events []struct {
		Position int64
		Type     string
		Channel  *string
		Added    bool
		By       *int64
	}
	EventsLeft int64
}

// net returns how many more events of each kind count at the later moment.
func (d differences) net() map[string]int64 {
	sum := make(map[string]int64)
	for _, c := range d.Changes {
		sum[kindOf(c.Type, c.Channel)] += c.Added - c.Removed
	}
	return sum
}

func kindOf(typ string, channel *string) string {
	if channel != nil {
		typ += " " + *channel
	}
	return typ
}

// TestCompareAddsUp compares random campaigns of a log with withdrawals at three moments: the events
// between the first two and the last two are those between the first and the last, and the ones
// that are listed are those that are counted.
func TestCompareAddsUp(t *testing.T) {
	t.Parallel()
	dir, random := t.TempDir(), rand.New(rand.NewPCG(7, 8))
	path := filepath.Join(dir, "log.db")
	head := withdrawn(t, path, syntheticLog(t, path), random)
	removed, restored := 0, 0
	for range 8 {
		at := []events.Position{head/3 + events.Position(random.Int64N(int64(head-head/3))), head - events.Position(random.Int64N(int64(head/10))), head}
		slices.Sort(at)
		campaign := fmt.Sprintf("evt-5-%04d", 1+random.IntN(3))
		between := func(from, to events.Position) (d differences) {
			out, complaint, code := command(t, "compare", "--data-dir", dir, campaign, "--at", fmt.Sprint(from), "--at", fmt.Sprint(to), "--limit", "200", "--json")
			if code != cli.ExitDone {
				t.Fatalf("%s from %d to %d: exit %d: %s", campaign, from, to, code, complaint)
			}
			if err := json.Unmarshal([]byte(out), &d); err != nil {
				t.Fatal(err)
			}
			if d.Difference.TotalParticipants != d.To.Summary.TotalParticipants-d.From.Summary.TotalParticipants || d.EventsLeft > 0 {
				t.Errorf("%s from %d to %d: participants %d to %d, and %+v", campaign, from, to, d.From.Summary.TotalParticipants, d.To.Summary.TotalParticipants, d.Difference)
			}
			listed, last := make(map[string]int64), int64(0)
			for kind := range d.net() {
				listed[kind] = 0
			}
			for _, e := range d.Events {
				if e.Position <= last || (e.By == nil) != (e.Added && e.Position > int64(from)) {
					t.Errorf("%s from %d to %d: %+v after position %d", campaign, from, to, e, last)
				}
				last = e.Position
				switch {
				case !e.Added:
					removed++
					listed[kindOf(e.Type, e.Channel)]--
				default:
					if e.By != nil {
						restored++
					}
					listed[kindOf(e.Type, e.Channel)]++
				}
			}
			if diff := cmp.Diff(d.net(), listed); diff != "" {
				t.Errorf("%s from %d to %d (-counted +listed):\n%s", campaign, from, to, diff)
			}
			return d
		}
		first, second, both := between(at[0], at[1]).net(), between(at[1], at[2]).net(), between(at[0], at[2]).net()
		for kind, n := range second {
			first[kind] += n
		}
		for kind := range first {
			if first[kind] != both[kind] {
				t.Errorf("%s at %v: %s: %d one after the other, %d at once", campaign, at, kind, first[kind], both[kind])
			}
		}
	}
	if removed == 0 || restored == 0 {
		t.Errorf("%d events were removed and %d restored: expected some", removed, restored)
	}
}
