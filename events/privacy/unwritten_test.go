package privacy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/events/privacy"
)

// TestUnwritten makes pseudonyms over a store that must not change: stored keys are
// used as they are, new ones last as long as the view.
func TestUnwritten(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		master, stored := privacy.NewMasterKey(), open()
		k := openKeeper(t, stored, master)
		known := privacy.Request{Campaign: "known", Phone: "+821012345678"}
		want := pseudonyms(t, k, known)
		if err := k.Destroy(t.Context(), "destroyed"); err != nil {
			t.Fatal(err)
		}

		view := privacy.Unwritten(stored)
		fresh, gone := privacy.Request{Campaign: "fresh", Phone: known.Phone}, privacy.Request{Campaign: "destroyed", Phone: known.Phone}
		got := pseudonyms(t, openKeeper(t, view, master), known, fresh, gone)
		if got[0] != want[0] || got[1] == (events.Pseudonym{}) || got[2] != (events.Pseudonym{}) {
			t.Errorf("pseudonyms %v, want that of the stored key, another one, and none", got)
		}
		if diff := cmp.Diff(got, pseudonyms(t, openKeeper(t, view, master), known, fresh, gone)); diff != "" {
			t.Errorf("pseudonyms of another keeper of the view (-first +second):\n%s", diff)
		}
		// A rotation beside the trial: it goes on, with other keys for what is new.
		running := openKeeper(t, view, master)
		if _, err := k.Rotate(t.Context(), privacy.NewMasterKey()); err != nil {
			t.Fatal(err)
		}
		again := pseudonyms(t, running, known, fresh, gone, privacy.Request{Campaign: "fresher", Phone: known.Phone})
		if again[0] != want[0] || again[1] == (events.Pseudonym{}) || again[2] != (events.Pseudonym{}) {
			t.Errorf("pseudonyms after a rotation %v, want that of the stored key, another one, and none", again)
		}
		if _, err := running.Rotate(t.Context(), privacy.NewMasterKey()); err == nil {
			t.Error("keys were rotated in a trial")
		}
		if err := view.DestroyKey(t.Context(), "known"); err == nil {
			t.Error("a key was destroyed in a trial")
		}
		if err := running.Rename(t.Context(), "known", "other"); err == nil {
			t.Error("a key was renamed in a trial")
		}
		found, err := stored.Keys(t.Context(), []events.Campaign{"known", "fresh"})
		if err != nil || len(found) != 1 {
			t.Errorf("the store has %d of the keys, %v; want the one that it had", len(found), err)
		}
	})
}
