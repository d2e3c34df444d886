package readmodel_test

import (
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

// TestAsked: campaigns are asked for as the range that holds them, in any order, and no other of the
// range is one of them.
func TestAsked(t *testing.T) {
	t.Parallel()
	asked := readmodel.NewAsked([]events.Campaign{"evt-2", "이벤트", "EVT-1", "evt-10"})
	if asked.First != "EVT-1" || asked.Last != "이벤트" {
		t.Errorf("the range is %q to %q", asked.First, asked.Last)
	}
	for c, want := range map[events.Campaign]bool{"EVT-1": true, "evt-10": true, "evt-2": true, "이벤트": true, "evt-1": false, "evt-11": false, "": false} {
		if asked.Has(c) != want {
			t.Errorf("Has(%q) = %v", c, !want)
		}
	}
	if none := readmodel.NewAsked(nil); none.First != "" || none.Last != "" || none.Has("") {
		t.Errorf("no campaigns: %+v", none)
	}
}
