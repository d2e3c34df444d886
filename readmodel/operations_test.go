package readmodel_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"jangbu/readmodel"
)

func TestOperationValidate(t *testing.T) {
	t.Parallel()
	good := readmodel.Operation{Kind: readmodel.Rebuild, Projections: []string{"Z", "a", "ab", "시간별"}, Who: "김운영"}
	for name, tc := range map[string]struct {
		change func(*readmodel.Operation)
		want   string // in the error; empty: there is none
	}{
		"a rebuild":    {func(*readmodel.Operation) {}, ""},
		"a rollback":   {func(o *readmodel.Operation) { o.Kind = readmodel.Rollback }, ""},
		"a pause":      {func(o *readmodel.Operation) { o.Kind = readmodel.Pause }, ""},
		"a resumption": {func(o *readmodel.Operation) { o.Kind = readmodel.Resume }, ""},
		"a reset":      {func(o *readmodel.Operation) { o.Kind, o.Campaign = readmodel.Reset, "이벤트" }, ""},
		"a heal": {func(o *readmodel.Operation) {
			o.Kind, o.Campaign, o.Found = readmodel.Heal, "이벤트", &readmodel.Found{Total: 1}
		}, ""},
		"a heal of nothing":       {func(o *readmodel.Operation) { o.Kind, o.Found = readmodel.Heal, &readmodel.Found{} }, "campaign"},
		"a heal for nothing":      {func(o *readmodel.Operation) { o.Kind, o.Campaign = readmodel.Heal, "이벤트" }, "found"},
		"a pause that found":      {func(o *readmodel.Operation) { o.Kind, o.Found = readmodel.Pause, &readmodel.Found{} }, "found"},
		"one projection":          {func(o *readmodel.Operation) { o.Projections = o.Projections[:1] }, ""},
		"a reason":                {func(o *readmodel.Operation) { o.Why = "행이 바뀌었다" }, ""},
		"no kind":                 {func(o *readmodel.Operation) { o.Kind = "" }, `no operation ""`},
		"another kind":            {func(o *readmodel.Operation) { o.Kind = "Rebuild" }, `no operation "Rebuild"`},
		"no projection":           {func(o *readmodel.Operation) { o.Projections = nil }, "no projection"},
		"not sorted":              {func(o *readmodel.Operation) { o.Projections = []string{"a", "Z"} }, "not sorted"},
		"named twice":             {func(o *readmodel.Operation) { o.Projections = []string{"a", "b", "b"} }, "twice"},
		"a reset of nothing":      {func(o *readmodel.Operation) { o.Kind = readmodel.Reset }, "campaign"},
		"a pause of one campaign": {func(o *readmodel.Operation) { o.Kind, o.Campaign = readmodel.Pause, "evt-1" }, "campaign"},
		"no operator":             {func(o *readmodel.Operation) { o.Who = "" }, "no operator"},
	} {
		op := good
		tc.change(&op)
		switch err := op.Validate(); {
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

func TestOperationEnded(t *testing.T) {
	t.Parallel()
	for state, want := range map[readmodel.OperationState]bool{
		readmodel.Waiting: false, readmodel.Running: false, readmodel.Done: true, readmodel.Failed: true,
	} {
		op := readmodel.Operation{State: state}
		if got := op.Ended(); got != want {
			t.Errorf("%s: Ended = %v, want %v", state, got, want)
		}
	}
}

func TestFoundIsBounded(t *testing.T) {
	t.Parallel()
	var found readmodel.Found
	long := strings.Repeat("가", 1_000)
	for range 10_000 {
		found.Add(readmodel.Difference{Table: "event_stats", Field: "Title", Served: long, Folded: "x"})
	}
	if n := len(found.Differences); found.Total != 10_000 || n < 2 || n > readmodel.MaxDifferences {
		t.Errorf("%d of %d differences are kept", n, found.Total)
	}
	for _, d := range found.Differences {
		if len(d.Served) > 1_000 || !utf8.ValidString(d.Served) || !strings.HasSuffix(d.Served, "가…") {
			t.Errorf("a text of %d bytes is kept as %q", len(long), d.Served)
		}
	}
	encoded, err := readmodel.EncodeFound(&found)
	if err != nil || len(encoded) > 100_000 {
		t.Errorf("it takes %d bytes, %v", len(encoded), err)
	}
	found = readmodel.Found{}
	for range 10_000 {
		found.Add(readmodel.Difference{Table: "event_stats", Field: "Participants", Served: "7", Folded: "5"})
	}
	if n := len(found.Differences); found.Total != 10_000 || n != readmodel.MaxDifferences {
		t.Errorf("%d of %d differences are kept", n, found.Total)
	}
}
