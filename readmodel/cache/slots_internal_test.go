package cache

import (
	"testing"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// TestPutKeepsTheNewer fills one slot with entries in any order.
func TestPutKeepsTheNewer(t *testing.T) {
	t.Parallel()
	at := func(position events.Position) readmodel.Revision {
		return readmodel.Revision{Incarnation: 1, Position: position}
	}
	began := time.Unix(1_800_000_000, 0)
	second := func(n int) time.Time { return began.Add(time.Duration(n) * time.Second) }
	rows := func(position events.Position, asOf int) *entry {
		return rowsEntry("evt-1", readmodel.CampaignRows{Revision: at(position)}, second(asOf))
	}
	missing := func(floor events.Position, asOf int) *entry {
		e := newEntry("evt-1", at(floor), second(asOf))
		e.missing = true
		return e
	}
	for name, tc := range map[string]struct {
		kept, put *entry
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
			slots := newSlots(10)
			slots.put(tc.kept, began, true)
			best, changed := slots.put(tc.put, began, true)
			kept := slots.get("evt-1").entry.Load()
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
