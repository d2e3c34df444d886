package events_test

import (
	"strings"
	"testing"

	"jangbu/events"
)

func TestAccessCheck(t *testing.T) {
	t.Parallel()
	good := events.Access{Command: "events export", Subject: "positions 1 to 3", Who: "me@here", Why: "OPS-1"}
	for name, test := range map[string]struct {
		change func(*events.Access)
		want   string // the start of the error; empty: none
	}{
		"whole":            {func(*events.Access) {}, ""},
		"without a reason": {func(a *events.Access) { a.Why = "" }, ""},
		"without a name":   {func(a *events.Access) { a.Who = "" }, "who: "},
		"a blank reason":   {func(a *events.Access) { a.Why = " " }, "why: "},
		"a long reason":    {func(a *events.Access) { a.Why = strings.Repeat("왜", events.MaxWhy+1) }, "why: "},
		"lines":            {func(a *events.Access) { a.Why = "a\nb" }, "why: "},
		"a phone number":   {func(a *events.Access) { a.Why = "for 010-1234-5678" }, "why: "},
	} {
		a := good
		test.change(&a)
		switch err := a.Check(); {
		case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
