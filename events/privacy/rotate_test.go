package privacy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/events/privacy"
)

// sealed is a dead letter's record as it was sealed at some moment.
type sealed struct {
	when   string
	record events.Record
	id     events.ID
	bytes  []byte
}

func seal(t *testing.T, k *privacy.Keeper, when string, offset int64) sealed {
	t.Helper()
	s := sealed{when: when, record: events.Record{Topic: "t", Offset: offset, Timestamp: time.UnixMicro(1), Key: []byte("k"), Value: []byte(when)}}
	var err error
	if s.id, s.bytes, err = k.Seal(s.record); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRotation rotates the master key twice. Keepers that run since before, keepers that are
// opened with the former key, and those of the new one agree on every pseudonym, old or new, on
// each dead letter and its ID, until the rotation is finished; then only the new key opens.
func TestRotation(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		var requests []privacy.Request
		for i := range 40 {
			requests = append(requests, privacy.Request{Campaign: events.Campaign(fmt.Sprint("campaign ", i)), Phone: "+821012345678"})
		}
		masters := []privacy.MasterKey{privacy.NewMasterKey(), privacy.NewMasterKey(), privacy.NewMasterKey()}
		first := openKeeper(t, open(), masters[0])
		want := pseudonyms(t, first, requests...)
		if err := first.Destroy(t.Context(), "destroyed"); err != nil {
			t.Fatal(err)
		}
		letters := []sealed{seal(t, first, "before", 0)}
		agree := func(who string, k *privacy.Keeper) {
			t.Helper()
			if diff := cmp.Diff(want, pseudonyms(t, k, requests...)); diff != "" {
				t.Errorf("%s: pseudonyms (-want +got):\n%s", who, diff)
			}
			if got := pseudonyms(t, k, privacy.Request{Campaign: "destroyed", Phone: "+821012345678"}); got[0] != (events.Pseudonym{}) {
				t.Errorf("%s: a destroyed key is back", who)
			}
			for _, l := range letters {
				record, err := k.Unseal(t.Context(), l.bytes)
				if diff := cmp.Diff(l.record, record); err != nil || diff != "" {
					t.Errorf("%s: the letter sealed %s: %v\n%s", who, l.when, err, diff)
				}
				if id, _, err := k.Seal(l.record); err != nil || id != l.id {
					t.Errorf("%s: the letter sealed %s, delivered again, has ID %v, %v; want %v", who, l.when, id, err, l.id)
				}
			}
		}
		for round, next := range masters[1:] {
			former := masters[round]
			running := openKeeper(t, open(), former) // has read nothing yet
			settled := openKeeper(t, open(), former)
			agree("before", settled)
			wrapped, err := openKeeper(t, open(), former).Rotate(t.Context(), next)
			if err != nil || wrapped != len(want) {
				t.Fatalf("Rotate wraps %d keys of %d, %v", wrapped, len(want), err)
			}
			// Sealed by one that has not noticed.
			letters = append(letters, seal(t, settled, fmt.Sprintf("during rotation %d", round), int64(10*round+1)))
			again := openKeeper(t, open(), former)
			if !again.Former() {
				t.Error("a keeper that was opened with the former key does not say so")
			}
			current := openKeeper(t, open(), next)
			if current.Former() {
				t.Error("a keeper of the new key says that it is former")
			}
			letters = append(letters, seal(t, current, fmt.Sprintf("after rotation %d", round), int64(10*round+2)))
			// A campaign that is new to all, added first by one that has not noticed.
			fresh := privacy.Request{Campaign: events.Campaign(fmt.Sprint("fresh ", round)), Phone: "+821012345678"}
			requests, want = append(requests, fresh), append(want, pseudonyms(t, settled, fresh)...)
			all := map[string]*privacy.Keeper{"running": running, "settled": settled, "opened with the former key": again, "opened with the new key": current}
			for who, k := range all {
				agree(who, k)
			}

			if wrapped, err := again.Rotate(t.Context(), next); wrapped != 0 || err != nil {
				t.Errorf("the same rotation again wraps %d, %v", wrapped, err)
			}
			if _, err := current.Rotate(t.Context(), privacy.NewMasterKey()); !errors.Is(err, privacy.ErrUnfinished) {
				t.Errorf("another rotation before the end of the first = %v, want %v", err, privacy.ErrUnfinished)
			}
			for who, k := range map[string]*privacy.Keeper{"running": running, "opened with the former key": again} {
				if err := k.Finish(t.Context()); !errors.Is(err, privacy.ErrFormer) {
					t.Errorf("%s: Finish = %v, want %v", who, err, privacy.ErrFormer)
				}
			}
			if err := current.Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := current.Finish(t.Context()); !errors.Is(err, privacy.ErrFinished) {
				t.Errorf("Finish again = %v, want %v", err, privacy.ErrFinished)
			}
			for _, gone := range masters[:round+1] {
				if _, err := privacy.Open(t.Context(), open(), gone); !errors.Is(err, privacy.ErrMasterKey) {
					t.Errorf("Open with a former key = %v, want %v", err, privacy.ErrMasterKey)
				}
			}
			for who, k := range all { // which all have noticed
				agree("after the end, "+who, k)
			}
			agree("after the end, opened with the new key", openKeeper(t, open(), next))
		}
	})
}

// TestUnnoticedRotation: a keeper that has slept through the rotation and its end makes no
// pseudonym of a known campaign or of a new one, and says why: nothing is stored unlinked, and
// no registration is a dead letter (I5).
func TestUnnoticedRotation(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		master, next := privacy.NewMasterKey(), privacy.NewMasterKey()
		asleep, other := openKeeper(t, open(), master), openKeeper(t, open(), master)
		known := privacy.Request{Campaign: "known", Phone: "+821012345678"}
		want := pseudonyms(t, other, known)
		letter := seal(t, asleep, "before", 1)
		if _, err := other.Rotate(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		current := openKeeper(t, open(), next)
		if err := current.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		late := seal(t, asleep, "after", 2)
		for _, r := range []privacy.Request{known, {Campaign: "new", Phone: known.Phone}} {
			got, damaged, err := asleep.Pseudonyms(t.Context(), []privacy.Request{r})
			if !errors.Is(err, privacy.ErrMasterKey) || !strings.Contains(err.Error(), "rotated") {
				t.Errorf("Pseudonyms = %v, damaged %v, %v; want an error that says that the key was rotated", got, damaged, err)
			}
		}
		for _, l := range []sealed{letter, late} {
			if _, err := current.Unseal(t.Context(), l.bytes); err != nil {
				t.Errorf("the letter sealed %s by the sleeper: %v", l.when, err)
			}
		}
		if _, err := asleep.Unseal(t.Context(), seal(t, current, "after", 3).bytes); !errors.Is(err, privacy.ErrMasterKey) {
			t.Errorf("the sleeper opens a letter of the new key: %v", err)
		}
		if diff := cmp.Diff(want, pseudonyms(t, current, known)); diff != "" {
			t.Errorf("pseudonyms (-want +got):\n%s", diff)
		}
		if _, damaged, err := current.Pseudonyms(t.Context(), []privacy.Request{{Campaign: "new", Phone: known.Phone}}); err != nil || len(damaged) > 0 {
			t.Errorf("the sleeper has added a key: %v, damaged %v", err, damaged)
		}
	})
}

// TestTwoRotationsAtOnce: of two to different keys the second finds that it has to wait, of two
// to one key both are done; a store without a campaign is no other.
func TestTwoRotationsAtOnce(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		master, next := privacy.NewMasterKey(), privacy.NewMasterKey()
		var operators []*privacy.Keeper
		for range 4 {
			operators = append(operators, openKeeper(t, open(), master))
		}
		for i, to := range []privacy.MasterKey{next, next, privacy.NewMasterKey()} {
			want := error(nil)
			if to != next {
				want = privacy.ErrUnfinished
			}
			if _, err := operators[i].Rotate(t.Context(), to); !errors.Is(err, want) {
				t.Errorf("rotation %d = %v, want %v", i, err, want)
			}
		}
		if err := openKeeper(t, open(), next).Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := operators[3].Rotate(t.Context(), privacy.NewMasterKey()); !errors.Is(err, privacy.ErrMasterKey) {
			t.Errorf("a rotation from the former key = %v, want %v", err, privacy.ErrMasterKey)
		}
		openKeeper(t, open(), next)
	})
}

// hookedKeys calls a function after it has read, once.
type hookedKeys struct {
	inner
	read func()
}

// inner is embedded under a name that is not that of its method.
type inner = events.Keys

func (h *hookedKeys) Keys(ctx context.Context, campaigns []events.Campaign) (map[events.Campaign][]byte, error) {
	found, err := h.inner.Keys(ctx, campaigns)
	if f := h.read; f != nil {
		h.read = nil
		f()
	}
	return found, err
}

// TestNoticedByAnother: a call that began before another one of the same keeper has noticed the
// rotation goes on, also where the rotation has been finished since.
func TestNoticedByAnother(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		master, next := privacy.NewMasterKey(), privacy.NewMasterKey()
		known := privacy.Request{Campaign: "known", Phone: "+821012345678"}
		operator, keys := openKeeper(t, open(), master), &hookedKeys{inner: open()}
		want := pseudonyms(t, operator, known)
		k := openKeeper(t, keys, master)
		if _, err := operator.Rotate(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		keys.read = func() {
			pseudonyms(t, k, privacy.Request{Campaign: "new", Phone: known.Phone})
			if err := openKeeper(t, open(), next).Finish(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff(want, pseudonyms(t, k, known)); diff != "" {
			t.Errorf("pseudonyms (-want +got):\n%s", diff)
		}
	})
}

// TestDamagedEntryStopsARotation: it is not passed over, for it could not be mended afterwards.
func TestDamagedEntryStopsARotation(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		master, next := privacy.NewMasterKey(), privacy.NewMasterKey()
		keys := open()
		if err := keys.AddKeys(t.Context(), nil, map[events.Campaign][]byte{"b": {1, 2, 3}}); err != nil {
			t.Fatal(err)
		}
		k := openKeeper(t, keys, master)
		requests := []privacy.Request{{Campaign: "a", Phone: "+821012345678"}, {Campaign: "c", Phone: "+821012345678"}}
		want := pseudonyms(t, k, requests...)
		if _, err := k.Rotate(t.Context(), next); !errors.Is(err, privacy.ErrDamagedKey) || !strings.Contains(err.Error(), `"b"`) {
			t.Errorf("Rotate = %v, want %v with the campaign", err, privacy.ErrDamagedKey)
		}
		if _, err := privacy.Open(t.Context(), open(), next); !errors.Is(err, privacy.ErrMasterKey) {
			t.Errorf("Open with the next key = %v, want %v", err, privacy.ErrMasterKey)
		}
		if diff := cmp.Diff(want, pseudonyms(t, openKeeper(t, open(), master), requests...)); diff != "" {
			t.Errorf("pseudonyms (-want +got):\n%s", diff)
		}
		if err := k.Destroy(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		if wrapped, err := k.Rotate(t.Context(), next); wrapped != 2 || err != nil {
			t.Errorf("mended, Rotate wraps %d, %v", wrapped, err)
		}
	})
}

// TestRotationUnderWay rotates and destroys while many keepers make pseudonyms of campaigns that
// are ever new, each opened with the former or the new key: all agree, and none is refused.
func TestRotationUnderWay(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open opener) {
		const keepers, campaigns, rotations = 4, 60, 5
		master := privacy.NewMasterKey()
		var made sync.Map // campaign to pseudonym
		var work []chan events.Campaign
		var running, pending sync.WaitGroup
		for range keepers {
			k, mine := openKeeper(t, open(), master), make(chan events.Campaign, campaigns)
			work = append(work, mine)
			running.Go(func() {
				for c := range mine {
					got, damaged, err := k.Pseudonyms(t.Context(), []privacy.Request{{Campaign: c, Phone: "+821012345678"}})
					if err != nil || len(damaged) > 0 {
						t.Errorf("%s: %v, damaged %v", c, err, damaged)
					} else if other, known := made.LoadOrStore(c, got[0]); known && other != got[0] {
						t.Errorf("%s has two pseudonyms", c)
					}
					pending.Done()
				}
			})
		}
		all := func(c events.Campaign) {
			pending.Add(keepers)
			for _, mine := range work {
				mine <- c
			}
		}
		for round := range rotations {
			next := privacy.NewMasterKey()
			operator := openKeeper(t, open(), master)
			for n := range campaigns / 2 {
				all(events.Campaign(fmt.Sprintf("c-%d-%d", round, n)))
			}
			rotated := make(chan error, 2)
			go func() {
				_, err := operator.Rotate(t.Context(), next)
				rotated <- err
			}()
			go func() { rotated <- operator.Destroy(t.Context(), events.Campaign(fmt.Sprintf("destroyed-%d", round))) }()
			for n := range campaigns / 2 {
				all(events.Campaign(fmt.Sprintf("d-%d-%d", round, n)))
			}
			for range 2 {
				if err := <-rotated; err != nil {
					t.Fatal(err)
				}
			}
			all(events.Campaign(fmt.Sprintf("late-%d", round))) // each keeper has noticed
			pending.Wait()
			master = next
			if err := openKeeper(t, open(), master).Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, mine := range work {
			close(mine)
		}
		running.Wait()
		k := openKeeper(t, open(), master)
		for c, p := range made.Range {
			if got := pseudonyms(t, k, privacy.Request{Campaign: c.(events.Campaign), Phone: "+821012345678"}); got[0] != p {
				t.Errorf("%s has another pseudonym than before", c)
			}
		}
	})
}
