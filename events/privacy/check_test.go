package privacy_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/privacy"
	"jangbu/events/sqlitelog"
)

// TestKeyCheck loses, empties and brings back entries of the key store, against what the log
// says of them.
func TestKeyCheck(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = log.Close() })
		check := privacy.NewKeyCheck()
		wrong := func() (all []string, n int, bound bool) {
			t.Helper()
			n, bound, err := check.Compare(t.Context(), open(), log, func(c events.Campaign, has, says string) {
				all = append(all, fmt.Sprintf("%s: %s, %s", c, has, says))
			})
			if err != nil {
				t.Fatal(err)
			}
			return all, n, bound
		}
		if all, n, bound := wrong(); bound || n != 0 || all != nil {
			t.Errorf("a new store: %q, %d compared, %t", all, n, bound)
		}
		k := openKeeper(t, open(), privacy.NewMasterKey())
		see := func(c events.Campaign, p events.Pseudonym) {
			check.See(&events.Recorded{Event: &events.ParticipantRegistered{Campaign: c, Participant: "p", Pseudonym: p}})
		}
		for _, c := range []events.Campaign{"has a key", "destroyed", "emptied"} {
			see(c, pseudonyms(t, k, privacy.Request{Campaign: c, Phone: "+821012345678"})[0])
		}
		pseudonyms(t, k, privacy.Request{Campaign: "brought back", Phone: "+821012345678"})
		see("lost", events.Pseudonym{1})
		see("never had one", events.Pseudonym{})
		for _, c := range []events.Campaign{"destroyed", "brought back"} {
			if _, err := log.Erasures().Erase(t.Context(), events.Erasure{Campaign: c, Who: "test", Why: time.Now().String()}); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []events.Campaign{"destroyed", "emptied"} {
			if err := k.Destroy(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{
			"brought back: a key, it was destroyed",
			"emptied: a destroyed key, no record says by whom",
			"lost: no key, registrations have pseudonyms",
		}
		if all, n, bound := wrong(); !bound || n != 5 || !slices.Equal(all, want) {
			t.Errorf("%q, %d compared, %t; want %q", all, n, bound, want)
		}
	})
}
