package cache

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
)

// TestHistorySaysOnlyWhatIsTrue tells a history of commits in any order, some of them
// never, some again, and checks all that it claims against the store's whole past.
func TestHistorySaysOnlyWhatIsTrue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		const bound = 900 * time.Millisecond
		var (
			h         = newHistory(bound, 3)
			campaigns = rapid.SampledFrom([]events.Campaign{"a", "b", "c", "d", "e", "f", "g"})
			past      = []readmodel.Change{{To: readmodel.Revision{Incarnation: 5, Position: 10}}}
			now       = time.Unix(1_800_000_000, 0)
			dated     = []time.Time{now} // when each of past became true
			proven    int
		)
		last := func() readmodel.Revision { return past[len(past)-1].To }
		rt.Repeat(map[string]func(*rapid.T){
			"commit": func(rt *rapid.T) {
				to := last()
				to.Position += events.Position(rapid.IntRange(1, 3).Draw(rt, "by"))
				if rapid.IntRange(0, 9).Draw(rt, "edit") == 0 {
					to.Edits, to.Position = to.Edits+1, 1
				}
				past = append(past, readmodel.Change{From: last(), To: to, Campaigns: rapid.SliceOfN(campaigns, 0, 2).Draw(rt, "changed")})
				dated = append(dated, now)
			},
			"commit and tell": func(rt *rapid.T) {
				to := last()
				to.Position++
				past = append(past, readmodel.Change{From: last(), To: to, Campaigns: rapid.SliceOfN(campaigns, 0, 2).Draw(rt, "changed")})
				dated = append(dated, now)
				h.noticed(past[len(past)-1])
			},
			"tell": func(rt *rapid.T) {
				ch := past[rapid.IntRange(0, len(past)-1).Draw(rt, "which")]
				if ch.From.Edits != ch.To.Edits {
					ch.Campaigns = nil // more than is named may have changed
				}
				h.noticed(ch)
			},
			"poll": func(rt *rapid.T) {
				sent, known := now, h.known()
				now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(rt, "took")) * time.Millisecond)
				if h.polled(poll{sent, last()}, known) == lost {
					rt.Fatal("taken for a store that went back")
				}
			},
			"wait": func(rt *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(rt, "ms")) * time.Millisecond)
			},
			"": func(rt *rapid.T) {
				for i, read := range past {
					for _, c := range []events.Campaign{"a", "b", "c"} {
						changed := func(after, through readmodel.Revision) bool {
							return slices.ContainsFunc(past, func(ch readmodel.Change) bool {
								return ch.To.Compare(after) > 0 && ch.To.Compare(through) <= 0 &&
									(slices.Contains(ch.Campaigns, c) || ch.From.Edits != ch.To.Edits)
							})
						}
						h.mu.Lock()
						through := h.unchanged(c, read.To)
						h.mu.Unlock()
						if through.Compare(read.To) < 0 || changed(read.To, through) {
							rt.Fatalf("%s is said to be unchanged from %v to %v", c, read.To, through)
						}
						asOf := h.current(c, read.To, readmodel.Revision{})
						if asOf.IsZero() {
							continue
						}
						proven++
						// No later change may have been there at that moment.
						for k := i + 1; k < len(past); k++ {
							if dated[k].Before(asOf) && changed(past[k-1].To, past[k].To) {
								rt.Fatalf("%s of %v is said to be current as of %v, changed at %v", c, read.To, asOf, dated[k])
							}
						}
					}
				}
				if n := len(h.young) + len(h.old); n > 2*3+2*2 {
					rt.Fatalf("%d campaigns are remembered", n)
				}
			},
		})
	})
}

// TestPutKeepsTheNewer fills one slot with answers in any order.
func TestPutKeepsTheNewer(t *testing.T) {
	t.Parallel()
	at := func(position events.Position) readmodel.Revision {
		return readmodel.Revision{Incarnation: 1, Position: position}
	}
	began := time.Unix(1_800_000_000, 0)
	second := func(n int) time.Time { return began.Add(time.Duration(n) * time.Second) }
	rows := func(position events.Position, asOf int) *answer {
		return rowsAnswer(readmodel.CampaignRows{Revision: at(position)}, "evt-1", second(asOf))
	}
	missing := func(floor events.Position, asOf int) *answer {
		a := newAnswer("evt-1", at(floor), second(asOf))
		a.missing = true
		return a
	}
	for name, tc := range map[string]struct {
		kept, put *answer
		replaced  bool // what was kept
		served    bool // what was put
		asOf      int  // of what is kept in the end
	}{
		"newer rows":                        {rows(5, 1), rows(6, 2), true, true, 2},
		"older rows, read before":           {rows(6, 2), rows(5, 1), false, false, 2},
		"older rows, known to be current":   {rows(6, 2), rows(5, 3), false, false, 3},
		"the same rows, read later":         {rows(5, 1), rows(5, 2), false, false, 2},
		"rows after there were none":        {missing(5, 1), rows(6, 2), true, true, 2},
		"rows from before there were none":  {missing(6, 2), rows(5, 1), false, false, 2},
		"none, it can't be told since when": {rows(6, 1), missing(5, 2), false, true, 1},
		"none, later":                       {rows(6, 1), missing(6, 2), true, true, 2},
		"none, still":                       {missing(5, 1), missing(5, 2), true, true, 2},
		"none, read before":                 {missing(5, 2), missing(5, 1), false, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := newTable(10)
			table.put(tc.kept, began, true)
			best, changed := table.put(tc.put, began, true)
			kept := table.get("evt-1").answer.Load()
			if (kept == tc.put) != tc.replaced || changed != tc.replaced {
				t.Errorf("replaced: %v, said to be %v, want %v", kept == tc.put, changed, tc.replaced)
			}
			if (best == tc.put) != tc.served {
				t.Errorf("what was put is served: %v, want %v", best == tc.put, tc.served)
			}
			if got := kept.proof.Load().asOf; got != second(tc.asOf) {
				t.Errorf("what is kept is current as of %v, want %v", got, second(tc.asOf))
			}
		})
	}
}

// TestSleepingMachine: the monotonic clock stands still while a machine sleeps, and
// the other one may be set back.
func TestSleepingMachine(t *testing.T) {
	t.Parallel()
	wall := time.Unix(1_800_000_000, 0)
	if got := since(wall.Add(time.Hour), wall); got != time.Hour {
		t.Errorf("since = %v by the wall clock alone, want 1h", got)
	}
	before := time.Now()
	if got := since(before.Add(time.Minute), before); got != time.Minute {
		t.Errorf("since = %v by both clocks, want 1m", got)
	}
	if got := since(before, time.Time{}); got < 100*365*24*time.Hour {
		t.Errorf("since the zero time = %v", got)
	}
}

func TestNoticeOfTooMany(t *testing.T) {
	t.Parallel()
	ch := readmodel.Change{From: readmodel.Revision{Position: 1}, To: readmodel.Revision{Position: 2}}
	for i := range maxNamed {
		ch.Campaigns = append(ch.Campaigns, events.Campaign(fmt.Sprint(i)))
	}
	if got := bounded(ch); len(got.Campaigns) != maxNamed || got.From != ch.From {
		t.Errorf("a notice of %d campaigns names %d", maxNamed, len(got.Campaigns))
	}
	ch.Campaigns = append(ch.Campaigns, "one too many")
	if got := bounded(ch); got.Campaigns != nil || got.From != ch.To || got.To != ch.To {
		t.Errorf("a notice of more is %v", got)
	}
}
