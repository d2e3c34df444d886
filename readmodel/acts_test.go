package readmodel_test

import (
	"strings"
	"testing"

	"jangbu/readmodel"
)

func TestActValidate(t *testing.T) {
	t.Parallel()
	good := readmodel.Act{Kind: readmodel.ActRebuild, Projections: []string{"Z", "a", "ab", "시간별"}, Who: "김운영"}
	for name, tc := range map[string]struct {
		change func(*readmodel.Act)
		want   string // in the error; empty: there is none
	}{
		"a rebuild":            {func(*readmodel.Act) {}, ""},
		"a rollback":           {func(a *readmodel.Act) { a.Kind = readmodel.ActRollback }, ""},
		"a pause":              {func(a *readmodel.Act) { a.Kind = readmodel.ActPause }, ""},
		"a resumption":         {func(a *readmodel.Act) { a.Kind = readmodel.ActResume }, ""},
		"a reset":              {func(a *readmodel.Act) { a.Kind, a.Campaign = readmodel.ActReset, "이벤트" }, ""},
		"one projection":       {func(a *readmodel.Act) { a.Projections = a.Projections[:1] }, ""},
		"a reason":             {func(a *readmodel.Act) { a.Why = "행이 바뀌었다" }, ""},
		"no kind":              {func(a *readmodel.Act) { a.Kind = "" }, `no act ""`},
		"another kind":         {func(a *readmodel.Act) { a.Kind = "Rebuild" }, `no act "Rebuild"`},
		"no projection":        {func(a *readmodel.Act) { a.Projections = nil }, "no projection"},
		"not sorted":           {func(a *readmodel.Act) { a.Projections = []string{"a", "Z"} }, "not sorted"},
		"named twice":          {func(a *readmodel.Act) { a.Projections = []string{"a", "b", "b"} }, "twice"},
		"a reset of nothing":   {func(a *readmodel.Act) { a.Kind = readmodel.ActReset }, "campaign"},
		"a pause of one event": {func(a *readmodel.Act) { a.Kind, a.Campaign = readmodel.ActPause, "evt-1" }, "campaign"},
		"nobody":               {func(a *readmodel.Act) { a.Who = "" }, "nobody"},
	} {
		act := good
		tc.change(&act)
		switch err := act.Validate(); {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: error %v, want it to say %s", name, err, tc.want)
		}
	}
	if len(good.Projections) != 4 || good.Projections[0] != "Z" {
		t.Errorf("Validate changed the projections to %q", good.Projections)
	}
}

func TestActEnded(t *testing.T) {
	t.Parallel()
	for state, want := range map[readmodel.ActState]bool{
		readmodel.ActWaiting: false, readmodel.ActRunning: false, readmodel.ActDone: true, readmodel.ActFailed: true,
	} {
		act := readmodel.Act{State: state}
		if got := act.Ended(); got != want {
			t.Errorf("%s: Ended = %v, want %v", state, got, want)
		}
	}
}
