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
		at := time.Now().UTC()
		see := func(c events.Campaign, p events.Pseudonym) {
			check.See(&events.Recorded{RecordedAt: at, Event: &events.ParticipantRegistered{Campaign: c, Participant: "p", Pseudonym: p}})
		}
		for _, c := range []events.Campaign{"has a key", "destroyed", "emptied"} {
			see(c, pseudonyms(t, k, privacy.Request{Campaign: c, Phone: "+821012345678"})[0])
		}
		pseudonyms(t, k, privacy.Request{Campaign: "brought back", Phone: "+821012345678"})
		see("lost", events.Pseudonym{1})
		at = at.Add(-2 * time.Minute)
		see("begun anew", pseudonyms(t, k, privacy.Request{Campaign: "begun anew", Phone: "+821012345678"})[0])
		at = at.Add(time.Hour)
		see("begun anew", events.Pseudonym{2})
		see("has a key", events.Pseudonym{2})
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
		added, err := open().Added(t.Context(), []events.Campaign{"begun anew", "lost"})
		if err != nil || len(added) != 1 || time.Since(added["begun anew"]).Abs() > time.Minute {
			t.Fatalf("Added = %v, %v", added, err)
		}
		want := []string{
			fmt.Sprintf("begun anew: a key of %s, pseudonyms of %s", added["begun anew"].Format(time.RFC3339), at.Add(-time.Hour).Format(time.RFC3339)),
			"brought back: a key, it was destroyed",
			"emptied: a destroyed key, no record says by whom",
			"lost: no key, registrations have pseudonyms",
		}
		if all, n, bound := wrong(); !bound || n != 6 || !slices.Equal(all, want) {
			t.Errorf("%q, %d compared, %t; want %q", all, n, bound, want)
		}
	})
}
