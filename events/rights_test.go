package events_test

import (
	"strings"
	"testing"

	"jangbu/events"
)

func TestWithdrawnRightCheck(t *testing.T) {
	t.Parallel()
	kim, err := events.SubjectKey{}.Subject("kim")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := events.KeptSubject("kim@example.com", nil, nil) // of an earlier release
	if err != nil {
		t.Fatal(err)
	}
	good := events.WithdrawnRight{Subject: kim, Shop: "store-1", Who: "me@here", Why: "left the shop"}
	for name, c := range map[string]struct {
		change func(*events.WithdrawnRight)
		want   string
	}{
		"good":              {func(*events.WithdrawnRight) {}, ""},
		"all shops":         {func(w *events.WithdrawnRight) { w.Shop = "" }, ""},
		"no subject":        {func(w *events.WithdrawnRight) { w.Subject = events.Subject{} }, "subject: "},
		"a person in plain": {func(w *events.WithdrawnRight) { w.Subject = plain }, "subject: "},
		"a hashed person": {func(w *events.WithdrawnRight) {
			w.Subject = events.NewSubjectKey([32]byte{1}).Hashed("kim@example.com")
		}, ""},
		"a personal shop":     {func(w *events.WithdrawnRight) { w.Shop = "010-1234-5678" }, "shop: "},
		"a person in why":     {func(w *events.WithdrawnRight) { w.Why = "asked by 010-1234-5678" }, "why: "},
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
