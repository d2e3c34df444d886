package dashboard_test

import (
	"testing"
	"time"

	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
)

// TestEarlierTextsAreShownHarmlessly shows texts that a log took before the contract refused
// them: none turns the direction of what stands beside it, and a blank title is none.
func TestEarlierTextsAreShownHarmlessly(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"봄 감사제": "봄 감사제", "\u202e봄\u2066 감사\u200f제\u061c": "봄 감사제", "a\x00b\u009fc\x1b[31m": "abc[31m", "\u3164봄": "\u3164봄",
		"": "", " \t": "", "\u3164": "", "\u200b\u2060\ufeff": "", "\u202e\u202c": "", "\u2800\u00ad": "",
	} {
		campaign := readmodel.CampaignStats{Campaign: "evt-1", Known: true, Shop: "store-1", Title: given, Objective: given}
		d := dashboard.New(readmodeltest.CampaignRows(campaign), dashboard.View{Now: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)})
		if d.Objective == nil || *d.Objective != want {
			t.Errorf("objective %q is shown as %q, want %q", given, *d.Objective, want)
		}
		switch {
		case want == "" && d.Title != nil:
			t.Errorf("title %q is shown as %q, want none", given, *d.Title)
		case want != "" && (d.Title == nil || *d.Title != want):
			t.Errorf("title %q is shown as %v, want %q", given, d.Title, want)
		}
	}
}
