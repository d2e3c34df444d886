package events_test

import (
	"strings"
	"testing"

	"jangbu/events"
)

func TestWithdrawnRightCheck(t *testing.T) {
	t.Parallel()
	good := events.WithdrawnRight{Subject: "kim@example.com", Shop: "store-1", Who: "me@here", Why: "left the shop"}
	for name, c := range map[string]struct {
		change func(*events.WithdrawnRight)
		want   string
	}{
		"good":                {func(*events.WithdrawnRight) {}, ""},
		"all shops":           {func(w *events.WithdrawnRight) { w.Shop = "" }, ""},
		"no subject":          {func(w *events.WithdrawnRight) { w.Subject = "" }, "subject: "},
		"a long subject":      {func(w *events.WithdrawnRight) { w.Subject = strings.Repeat("x", 201) }, "subject: "},
		"a subject with NUL":  {func(w *events.WithdrawnRight) { w.Subject = "a\x00" }, "subject: "},
		"a shop with control": {func(w *events.WithdrawnRight) { w.Shop = "a\n" }, "shop: "},
		"no reason":           {func(w *events.WithdrawnRight) { w.Why = " " }, "why: "},
		"no name":             {func(w *events.WithdrawnRight) { w.Who = "" }, "who: "},
	} {
		w := good
		c.change(&w)
		if err := w.Check(); (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
