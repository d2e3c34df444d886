package privacy_test

import (
	"fmt"
	"regexp"
	"testing"

	"jangbu/events"
	"jangbu/events/privacy"
)

// TestNamesOfErasedIDs holds that an id has one name, with every keeper and across rotations of
// the master key, that another key gives another one, and that no name is personal again.
func TestNamesOfErasedIDs(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		master := privacy.NewMasterKey()
		namer := func(k *privacy.Keeper) events.Namer {
			t.Helper()
			name, err := k.Namer()
			if err != nil {
				t.Fatal(err)
			}
			return name
		}
		first := openKeeper(t, open(), master)
		name, seen := namer(first), make(map[string]bool)
		form := regexp.MustCompile(`^erased-[a-p]{16}$`)
		for n := range 2_000 {
			id := fmt.Sprintf("010-7777-%04d", n)
			got := name(id)
			if !form.MatchString(got) || seen[got] || events.PersonalInID(got) != events.NothingPersonal {
				t.Fatalf("%q is named %q", id, got)
			}
			seen[got] = true
		}
		const id = "010-7777-1009"
		if got := namer(openKeeper(t, &watchedKeys{stored: map[events.Campaign][]byte{}}, privacy.NewMasterKey()))(id); got == name(id) {
			t.Error("another master key gives the same name")
		}
		other := privacy.NewMasterKey()
		if _, err := first.Rotate(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		rotated := openKeeper(t, open(), other)
		for _, k := range []*privacy.Keeper{first, rotated} {
			if got := namer(k)(id); got != name(id) {
				t.Errorf("after a rotation %q is named %q, was %q", id, got, name(id))
			}
		}
		if err := rotated.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := namer(openKeeper(t, open(), other))(id); got != name(id) {
			t.Errorf("after the rotation is finished %q is named %q, was %q", id, got, name(id))
		}
	})
}

// TestRenamedCampaignKeepsItsKey renames campaigns, also while the master key is rotated: the
// same numbers have the same pseudonyms under the other name, and none under the former one.
func TestRenamedCampaignKeepsItsKey(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		master, next := privacy.NewMasterKey(), privacy.NewMasterKey()
		k := openKeeper(t, open(), master)
		const phone = "+821012345678"
		of := func(c events.Campaign) privacy.Request { return privacy.Request{Campaign: c, Phone: phone} }
		want := pseudonyms(t, k, of("a"), of("b"))
		if err := k.Destroy(t.Context(), "gone"); err != nil {
			t.Fatal(err)
		}
		sleeping := openKeeper(t, open(), master)
		if _, err := openKeeper(t, open(), master).Rotate(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		for _, c := range []events.Campaign{"a", "b", "gone", "none"} {
			for range 2 {
				if err := sleeping.Rename(t.Context(), c, "erased-"+c); err != nil {
					t.Fatalf("Rename of %q: %v", c, err)
				}
			}
		}
		after := openKeeper(t, open(), next)
		if got := pseudonyms(t, after, of("erased-a"), of("erased-b"), of("erased-gone")); got[0] != want[0] || got[1] != want[1] || got[2] != (events.Pseudonym{}) {
			t.Errorf("pseudonyms under the other names are %v, want %v and none", got, want)
		}
		if got, err := open().Keys(t.Context(), []events.Campaign{"a", "b", "gone", "none", "erased-none"}); err != nil || len(got) > 0 {
			t.Errorf("%d entries of the former names are left, %v", len(got), err)
		}
	})
}
