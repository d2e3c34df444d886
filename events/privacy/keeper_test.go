package privacy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
	"jangbu/events/privacy"
	"jangbu/events/sqlitelog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// opener opens a key store, each time as another process would.
type opener func() events.Keys

// eachStore runs the test on every real key store.
func eachStore(t *testing.T, test func(t *testing.T, open opener)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "keys.db")
		test(t, func() events.Keys {
			keys, err := sqlitelog.OpenKeys(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = keys.Close() })
			return keys
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := services.Database(t)
		test(t, func() events.Keys {
			keys, err := pglog.OpenKeys(t.Context(), url, pglog.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(keys.Close)
			return keys
		})
	})
}

func openKeeper(t testing.TB, keys events.Keys, master privacy.MasterKey) *privacy.Keeper {
	t.Helper()
	k, err := privacy.Open(t.Context(), keys, master)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func pseudonyms(t testing.TB, k *privacy.Keeper, requests ...privacy.Request) []events.Pseudonym {
	t.Helper()
	got, damaged, err := k.Pseudonyms(t.Context(), requests)
	if err != nil || len(damaged) > 0 {
		t.Fatalf("%v, damaged %v", err, damaged)
	}
	if len(got) != len(requests) {
		t.Fatalf("%d pseudonyms for %d requests", len(got), len(requests))
	}
	return got
}

func TestPseudonyms(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		master := privacy.NewMasterKey()
		k := openKeeper(t, open(), master)
		got := pseudonyms(t, k,
			privacy.Request{Campaign: "a", Phone: "+821012345678"},
			privacy.Request{Campaign: "a", Phone: "+821012345679"},
			privacy.Request{Campaign: "b", Phone: "+821012345678"},
			privacy.Request{Campaign: "a", Phone: "+821012345678"})
		if got[0] != got[3] {
			t.Error("one number in one campaign has two pseudonyms")
		}
		if got[0] == got[1] || got[0] == got[2] || got[0] == (events.Pseudonym{}) {
			t.Error("numbers or campaigns share a pseudonym")
		}
		// What was returned is durable: a process that starts now agrees.
		again := pseudonyms(t, openKeeper(t, open(), master), privacy.Request{Campaign: "a", Phone: "+821012345678"})
		if again[0] != got[0] {
			t.Error("another process makes another pseudonym")
		}
	})
}

func TestAnotherMasterKeyIsRefused(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		master := privacy.NewMasterKey()
		openKeeper(t, open(), master)
		if _, err := privacy.Open(t.Context(), open(), privacy.NewMasterKey()); !errors.Is(err, privacy.ErrMasterKey) {
			t.Errorf("Open with another master key = %v, want %v", err, privacy.ErrMasterKey)
		}
		openKeeper(t, open(), master) // the refusal has changed nothing
	})
}

func TestDestroyedKeyLeavesRegistrationsUnlinked(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		k := openKeeper(t, open(), privacy.NewMasterKey())
		requests := []privacy.Request{{Campaign: "gone", Phone: "+821012345678"}, {Campaign: "kept", Phone: "+821012345678"}}
		before := pseudonyms(t, k, requests...)
		for _, c := range []events.Campaign{"gone", "never seen", "gone"} {
			if err := k.Destroy(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		after := pseudonyms(t, k, append(requests, privacy.Request{Campaign: "never seen", Phone: "+821012345678"})...)
		if diff := cmp.Diff([]events.Pseudonym{{}, before[1], {}}, after); diff != "" {
			t.Errorf("pseudonyms after the destruction (-want +got):\n%s", diff)
		}
		if err := k.Destroy(t.Context(), ""); err == nil {
			t.Error("the check value was destroyed")
		}
	})
}

func TestManyProcessesAgree(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		master := privacy.NewMasterKey()
		var requests []privacy.Request
		for i := range 40 {
			requests = append(requests, privacy.Request{Campaign: events.Campaign(fmt.Sprint("campaign ", i)), Phone: "+821012345678"})
		}
		stores := make([]events.Keys, 4)
		for i := range stores {
			stores[i] = open()
		}
		got := make([][]events.Pseudonym, len(stores))
		var running sync.WaitGroup
		for i, store := range stores {
			running.Go(func() {
				k, err := privacy.Open(t.Context(), store, master) // on a store that is new
				if err != nil {
					t.Error(err)
					return
				}
				mine := slices.Concat(requests[i*10:], requests[:i*10])
				made, _, err := k.Pseudonyms(t.Context(), mine)
				if err != nil {
					t.Error(err)
					return
				}
				got[i] = slices.Concat(made[len(made)-i*10:], made[:len(made)-i*10])
			})
		}
		running.Wait()
		for i := range got {
			if diff := cmp.Diff(got[0], got[i]); diff != "" {
				t.Errorf("process %d disagrees with process 0", i)
			}
		}
	})
}

// watchedKeys is a store whose entries a test can read and swap, that counts its calls
// and can fail.
type watchedKeys struct {
	inner  // nil: what is not defined below is not called
	mu     sync.Mutex
	asked  []events.Campaign
	failed error  // returned by AddKeys
	rival  func() // called by AddKeys before it looks at the store
	stored map[events.Campaign][]byte
}

func (w *watchedKeys) Keys(_ context.Context, campaigns []events.Campaign) (map[events.Campaign][]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, campaigns...)
	found := make(map[events.Campaign][]byte)
	for _, c := range campaigns {
		if wrapped, ok := w.stored[c]; ok {
			found[c] = wrapped
		}
	}
	return found, nil
}

func (w *watchedKeys) AddKeys(_ context.Context, reserved []byte, wrapped map[events.Campaign][]byte) error {
	if rival := w.rival; rival != nil {
		w.rival = nil
		rival()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return w.failed
	}
	if !bytes.Equal(w.stored[events.ReservedKey], reserved) {
		return events.ErrRotated
	}
	for c, key := range wrapped {
		if _, ok := w.stored[c]; !ok {
			w.stored[c] = key
		}
	}
	return nil
}

func (w *watchedKeys) DestroyKey(_ context.Context, c events.Campaign) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stored[c] = []byte{}
	return nil
}

func TestADestroyedKeyIsForgottenWithinAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &watchedKeys{stored: map[events.Campaign][]byte{}}
		k := openKeeper(t, store, privacy.NewMasterKey())
		request := privacy.Request{Campaign: "a", Phone: "+821012345678"}
		first := pseudonyms(t, k, request)

		store.asked = nil
		time.Sleep(59 * time.Second)
		if got := pseudonyms(t, k, request); got[0] != first[0] || len(store.asked) != 0 {
			t.Errorf("within the minute the store was asked for %q", store.asked)
		}
		if err := store.DestroyKey(t.Context(), "a"); err != nil { // by another process
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := pseudonyms(t, k, request); got[0] != (events.Pseudonym{}) {
			t.Error("a minute after its destruction the key is still in use")
		}
	})
}

func TestTheFasterCreatorsKeyHolds(t *testing.T) {
	t.Parallel()
	store := &watchedKeys{stored: map[events.Campaign][]byte{}}
	master := privacy.NewMasterKey()
	slow, fast := openKeeper(t, store, master), openKeeper(t, store, master)
	requests := []privacy.Request{{Campaign: "a", Phone: "+821012345678"}, {Campaign: "b", Phone: "+821012345678"}}

	var won []events.Pseudonym
	store.rival = func() { won = pseudonyms(t, fast, requests[0]) }
	got := pseudonyms(t, slow, requests...)
	if got[0] != won[0] {
		t.Error("two processes that created a campaign's key at once disagree")
	}
	if got[1] == (events.Pseudonym{}) || pseudonyms(t, fast, requests[1])[0] != got[1] {
		t.Error("they disagree on the key that only the slower one created")
	}
}

func TestNothingIsReturnedThatIsNotDurable(t *testing.T) {
	t.Parallel()
	store := &watchedKeys{stored: map[events.Campaign][]byte{}}
	k := openKeeper(t, store, privacy.NewMasterKey())
	store.failed = errors.New("disk is full")
	request := privacy.Request{Campaign: "a", Phone: "+821012345678"}
	for range 2 { // the second finds no trace of the first
		if got, _, err := k.Pseudonyms(t.Context(), []privacy.Request{request}); !errors.Is(err, store.failed) {
			t.Errorf("Pseudonyms = %v, %v; want %v", got, err, store.failed)
		}
	}
	store.failed = nil
	pseudonyms(t, k, request)
}

func TestEntriesCannotBeExchanged(t *testing.T) {
	t.Parallel()
	store := &watchedKeys{stored: map[events.Campaign][]byte{}}
	master := privacy.NewMasterKey()
	request := privacy.Request{Campaign: "a", Phone: "+821012345678"}
	pseudonyms(t, openKeeper(t, store, master), request)

	for name, entry := range map[string][]byte{
		"another campaign's": store.stored[""],
		"damaged":            append(bytes.Clone(store.stored["a"][:20]), store.stored["a"][21:]...),
		"too short":          {1},
		"unknown version":    append([]byte{9}, store.stored["a"][1:]...),
	} {
		exchanged := &watchedKeys{stored: maps.Clone(store.stored)}
		exchanged.stored["a"] = entry
		got, damaged, err := openKeeper(t, exchanged, master).Pseudonyms(t.Context(), []privacy.Request{request})
		if err != nil || !damaged["a"] || got[0] != (events.Pseudonym{}) {
			t.Errorf("an entry that is %s was used, or its campaign not named: %v, damaged %v", name, err, damaged)
		}
	}
}

// A damaged entry is of its campaign only, and counts no longer once it is mended (I5).
func TestADamagedEntryStopsItsCampaignOnly(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		master := privacy.NewMasterKey()
		keys := open()
		if err := keys.AddKeys(t.Context(), nil, map[events.Campaign][]byte{"b": {1, 2, 3}}); err != nil {
			t.Fatal(err)
		}
		k := openKeeper(t, keys, master)
		requests := []privacy.Request{
			{Campaign: "a", Phone: "+821012345678"}, {Campaign: "b", Phone: "+821012345678"}, {Campaign: "c", Phone: "+821012345678"},
		}
		for range 2 { // the second time the others are cached
			got, damaged, err := k.Pseudonyms(t.Context(), requests)
			if err != nil || len(damaged) != 1 || !damaged["b"] {
				t.Fatalf("%v, damaged %v", err, damaged)
			}
			if none := (events.Pseudonym{}); got[0] == none || got[1] != none || got[2] == none {
				t.Errorf("pseudonyms %v", got)
			}
		}
		if err := open().DestroyKey(t.Context(), "b"); err != nil { // one way to mend it
			t.Fatal(err)
		}
		if _, damaged, err := k.Pseudonyms(t.Context(), requests); err != nil || len(damaged) > 0 {
			t.Errorf("mended: %v, damaged %v", err, damaged)
		}
	})
}

// A key store that is new beside a log with pseudonyms takes the place of a lost one.
func TestCheckKeys(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = log.Close() })
		check := func(want error) {
			t.Helper()
			if err := privacy.CheckKeys(t.Context(), open(), log); !errors.Is(err, want) {
				t.Errorf("CheckKeys = %v, want %v", err, want)
			}
		}
		registered := func(participant int, p events.Pseudonym) {
			t.Helper()
			e := &events.ParticipantRegistered{Campaign: "a", Participant: fmt.Sprint(participant), Pseudonym: p}
			draft := events.Draft{ID: events.ID{15: byte(participant), 14: byte(participant >> 8)}, OccurredAt: time.Unix(1e9, 0).UTC(), Event: e, Digest: events.DigestOf(e)}
			if _, err := log.Append(t.Context(), []events.Draft{draft}); err != nil {
				t.Fatal(err)
			}
		}
		check(nil) // a first start
		for n := range 1200 {
			registered(n, events.Pseudonym{})
		}
		check(nil) // no pseudonym
		registered(2000, events.Pseudonym{1})
		check(privacy.ErrLostKeys)
		check(privacy.ErrLostKeys) // it has not made the store one that is not new
		openKeeper(t, open(), privacy.NewMasterKey())
		check(nil) // the loss is accepted
	})
}

func TestRequestsThatNobodyShouldMake(t *testing.T) {
	t.Parallel()
	k := openKeeper(t, &watchedKeys{stored: map[events.Campaign][]byte{}}, privacy.NewMasterKey())
	for _, r := range []privacy.Request{
		{Campaign: "a", Phone: "010-1234-5678"}, {Campaign: "a", Phone: "821012345678"}, {Campaign: "a"}, {Campaign: "a", Phone: "+8210123x5678"},
	} {
		_, _, err := k.Pseudonyms(t.Context(), []privacy.Request{r})
		if !errors.Is(err, events.ErrPhoneNumber) || strings.Contains(err.Error(), "1234") {
			t.Errorf("Pseudonyms of a number that is not normalised = %v", err)
		}
	}
	if _, _, err := k.Pseudonyms(t.Context(), []privacy.Request{{Phone: "+821012345678"}}); err == nil {
		t.Error("the check value's key made a pseudonym")
	}
	if got := pseudonyms(t, k); len(got) != 0 {
		t.Errorf("no request made %d pseudonyms", len(got))
	}
}

func TestNothingShowsASecret(t *testing.T) {
	t.Parallel()
	store := &watchedKeys{stored: map[events.Campaign][]byte{}}
	rapid.Check(t, func(rt *rapid.T) {
		subscriber := rapid.StringMatching(`[0-9]{8}`).Draw(rt, "subscriber")
		request := privacy.Request{Campaign: "a", Phone: "+8210" + subscriber}
		master := privacy.NewMasterKey()
		store.stored = map[events.Campaign][]byte{}
		k, err := privacy.Open(context.Background(), store, master)
		if err != nil {
			rt.Fatal(err)
		}
		if _, _, err := k.Pseudonyms(context.Background(), []privacy.Request{request}); err != nil {
			rt.Fatal(err)
		}
		holder := struct{ R privacy.Request }{request}
		var out bytes.Buffer
		for _, value := range []any{request, &request, []privacy.Request{request}, map[string]privacy.Request{"r": request}, holder, &holder, k, master, &master} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
				fmt.Fprintf(&out, verb+"\n", value)
			}
			marshalled, err := json.Marshal(value)
			if err != nil {
				rt.Fatal(err)
			}
			out.Write(marshalled)
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", slog.Any("value", value))
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", slog.Any("value", value))
		}
		_, err = events.NormalizePhone("010-" + subscriber[:4] + "-" + subscriber[4:] + "-0")
		fmt.Fprintln(&out, err)
		_, _, err = k.Pseudonyms(context.Background(), []privacy.Request{{Campaign: "a", Phone: subscriber}})
		fmt.Fprintln(&out, err)
		record := events.Record{Topic: "t", Value: []byte(request.Phone), Key: []byte(subscriber)}
		id, sealed, err := k.Seal(record)
		fmt.Fprintf(&out, "%v %v %v %s", id, err, sealed, sealed)
		_, err = k.Unseal(context.Background(), append(sealed[:len(sealed)-1], 0))
		fmt.Fprintln(&out, err)
		for _, text := range []string{subscriber, hexOf(subscriber)} {
			if bytes.Contains(out.Bytes(), []byte(text)) {
				rt.Errorf("the output shows the number")
			}
		}
	})
}

func hexOf(s string) string { return fmt.Sprintf("%x", s) }
