package eventstest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

// TestKeys tests an implementation of [events.Keys]. newStore creates an empty store
// and returns a function that opens a handle on it, as another process would. Store
// and handles are removed when their t ends.
func TestKeys(t *testing.T, newStore func(t testing.TB) (open func(t testing.TB) events.Keys)) {
	add := func(t *testing.T, keys events.Keys, wrapped map[events.Campaign][]byte) {
		t.Helper()
		if err := keys.AddKeys(t.Context(), nil, wrapped); err != nil {
			t.Fatalf("AddKeys: %v", err)
		}
	}
	destroy := func(t *testing.T, keys events.Keys, c events.Campaign) {
		t.Helper()
		if err := keys.DestroyKey(t.Context(), c); err != nil {
			t.Fatalf("DestroyKey: %v", err)
		}
	}
	want := func(t *testing.T, keys events.Keys, want map[events.Campaign][]byte, campaigns ...events.Campaign) {
		t.Helper()
		got, err := keys.Keys(t.Context(), campaigns)
		if err != nil {
			t.Fatalf("Keys: %v", err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
	}
	type wrapped = map[events.Campaign][]byte
	for name, rule := range map[string]func(t *testing.T, open func(testing.TB) events.Keys){
		"a campaign without an entry has no key": func(t *testing.T, open func(testing.TB) events.Keys) {
			keys := open(t)
			add(t, keys, nil)
			add(t, keys, wrapped{"a": {1}})
			want(t, keys, wrapped{})
			want(t, keys, wrapped{"a": {1}}, "a", "b", "")
		},
		"keys come back to other handles and later ones": func(t *testing.T, open func(testing.TB) events.Keys) {
			keys := wrapped{"": {0, 255}, "a": bytes.Repeat([]byte{7}, 60), "가게": {3}}
			t.Run("first process", func(t *testing.T) {
				add(t, open(t), keys)
				want(t, open(t), keys, "", "a", "가게")
			})
			want(t, open(t), keys, "가게", "a", "", "b")
		},
		"an entry is never replaced": func(t *testing.T, open func(testing.TB) events.Keys) {
			keys := open(t)
			add(t, keys, wrapped{"a": {1}})
			add(t, open(t), wrapped{"a": {2}, "b": {3}})
			want(t, keys, wrapped{"a": {1}, "b": {3}}, "a", "b")
		},
		"a destroyed key stays destroyed": func(t *testing.T, open func(testing.TB) events.Keys) {
			keys := open(t)
			add(t, keys, wrapped{"a": {1}, "b": {2}})
			destroy(t, keys, "a")
			destroy(t, open(t), "a")
			destroy(t, keys, "never added")
			add(t, keys, wrapped{"a": {4}, "never added": {5}})
			want(t, open(t), wrapped{"a": {}, "b": {2}, "never added": {}}, "a", "b", "never added")
		},
		"of concurrent callers one wins each entry, for all": func(t *testing.T, open func(testing.TB) events.Keys) {
			const callers, campaigns = 4, 300
			var names []events.Campaign
			for n := range campaigns {
				names = append(names, events.Campaign(fmt.Sprintf("c-%d", n)))
			}
			failed := make(chan error, callers)
			var handles []events.Keys
			for range callers {
				handles = append(handles, open(t))
			}
			for caller, keys := range handles {
				mine := wrapped{}
				for _, c := range names {
					mine[c] = []byte{byte(caller)}
				}
				go func() { failed <- keys.AddKeys(t.Context(), nil, mine) }()
			}
			for range callers {
				if err := <-failed; err != nil {
					t.Errorf("AddKeys: %v", err)
				}
			}
			first, err := open(t).Keys(t.Context(), names)
			if err != nil || len(first) != campaigns {
				t.Fatalf("Keys: %d of %d, %v", len(first), campaigns, err)
			}
			want(t, open(t), first, names...)
		},
		"a key is added only by those who know the reserved entry": func(t *testing.T, open func(testing.TB) events.Keys) {
			keys := open(t)
			add(t, keys, wrapped{"": {1}})
			for _, known := range [][]byte{nil, {}, {2}, {1, 0}} {
				if err := keys.AddKeys(t.Context(), known, wrapped{"": {2}, "a": {2}}); !errors.Is(err, events.ErrRotated) {
					t.Errorf("AddKeys by one who knows %v = %v, want %v", known, err, events.ErrRotated)
				}
			}
			want(t, keys, wrapped{"": {1}}, "", "a")
			if err := open(t).AddKeys(t.Context(), []byte{1}, wrapped{"": {3}, "a": {3}}); err != nil {
				t.Errorf("AddKeys: %v", err)
			}
			want(t, keys, wrapped{"": {1}, "a": {3}}, "", "a")
		},
		"an entry gets another campaign, with its time, and stays destroyed": func(t *testing.T, open func(testing.TB) events.Keys) {
			keys := open(t)
			add(t, keys, wrapped{"": {1}, "a": {2}, "b": {3}, "c": {4}, "d": {5}})
			destroy(t, keys, "b")
			before, err := keys.Added(t.Context(), []events.Campaign{"a", "b"})
			if err != nil {
				t.Fatal(err)
			}
			if err := keys.RenameKey(t.Context(), []byte{9}, "a", "x-a", []byte{7}); !errors.Is(err, events.ErrRotated) {
				t.Errorf("RenameKey by one who knows another reserved entry = %v, want %v", err, events.ErrRotated)
			}
			for _, rename := range []struct {
				from, to events.Campaign
				wrapped  []byte
			}{{"a", "x-a", []byte{7}}, {"b", "x-b", nil}, {"c", "d", []byte{8}}, {"none", "x-none", []byte{9}}} {
				for range 2 {
					if err := keys.RenameKey(t.Context(), []byte{1}, rename.from, rename.to, rename.wrapped); err != nil {
						t.Errorf("RenameKey of %q to %q: %v", rename.from, rename.to, err)
					}
				}
			}
			if err := keys.Compact(t.Context()); err != nil {
				t.Errorf("Compact: %v", err)
			}
			want(t, open(t), wrapped{"": {1}, "x-a": {7}, "x-b": {}, "d": {5}}, "", "a", "b", "c", "d", "none", "x-a", "x-b", "x-none")
			after, err := open(t).Added(t.Context(), []events.Campaign{"x-a", "x-b"})
			if err != nil || !after["x-a"].Equal(before["a"]) || !after["x-b"].Equal(before["b"]) {
				t.Errorf("added at %v, %v; want %v", after, err, before)
			}
			for at, page := range map[events.Campaign][]events.Campaign{"": {"d", "x-a"}, "x-a": {"x-b"}, "x-b": nil} {
				if got, err := keys.Campaigns(t.Context(), at, 2); err != nil || !slices.Equal(got, page) {
					t.Errorf("the campaigns after %q are %v, %v; want %v", at, got, err, page)
				}
			}
		},
		"entries come back with their times, once, and stay destroyed": func(t *testing.T, open func(testing.TB) events.Keys) {
			keys, year := open(t), time.Date(2025, 11, 30, 1, 2, 3, 4000, time.UTC)
			add(t, keys, wrapped{"b": {3}})
			for range 2 {
				if err := keys.Restore(t.Context(), []events.KeyEntry{
					{Campaign: "", Wrapped: []byte{1}, AddedAt: year},
					{Campaign: "a", Wrapped: []byte{2}, AddedAt: year.Add(time.Hour)},
					{Campaign: "b", Wrapped: []byte{4}, AddedAt: year},
					{Campaign: "c", AddedAt: year},
				}); err != nil {
					t.Fatalf("Restore: %v", err)
				}
			}
			want(t, open(t), wrapped{"": {1}, "a": {2}, "b": {3}, "c": {}}, "", "a", "b", "c")
			added, err := open(t).Added(t.Context(), []events.Campaign{"", "a", "c"})
			if diff := cmp.Diff(map[events.Campaign]time.Time{"": year, "a": year.Add(time.Hour), "c": year}, added); err != nil || diff != "" {
				t.Errorf("added at (-want +got): %v\n%s", err, diff)
			}
			if err := keys.AddKeys(t.Context(), []byte{1}, wrapped{"c": {5}}); err != nil {
				t.Error(err)
			}
			want(t, open(t), wrapped{"c": {}}, "c")
		},
		"all entries are replaced but destroyed ones, or none is": func(t *testing.T, open func(testing.TB) events.Keys) {
			const campaigns = 2_500 // several pages
			keys, before, after := open(t), wrapped{"": {0}, "가게": {1}}, wrapped{}
			for n := range campaigns {
				before[events.Campaign(fmt.Sprintf("c-%d", n))] = []byte{byte(n), byte(n >> 8)}
			}
			add(t, keys, before)
			for n := 0; n < campaigns; n += 100 {
				c := events.Campaign(fmt.Sprintf("c-%d", n))
				destroy(t, keys, c)
				before[c], after[c] = []byte{}, []byte{}
			}
			names := slices.Collect(maps.Keys(before))
			for _, failing := range []events.Campaign{"", "c-1", "c-999", "가게"} {
				failed := errors.New("of this test")
				err := keys.ReplaceKeys(t.Context(), func(c events.Campaign, _ []byte) ([]byte, error) {
					if c == failing {
						return nil, failed
					}
					return []byte("other"), nil
				})
				if !errors.Is(err, failed) {
					t.Fatalf("ReplaceKeys = %v, want %v", err, failed)
				}
				want(t, open(t), before, names...)
			}
			var seen []events.Campaign
			err := keys.ReplaceKeys(t.Context(), func(c events.Campaign, wrapped []byte) ([]byte, error) {
				if !bytes.Equal(wrapped, before[c]) {
					t.Errorf("the entry of %q is given as %v, want %v", c, wrapped, before[c])
				}
				seen = append(seen, c)
				if c == "c-7" {
					after[c] = wrapped // unchanged
				} else {
					after[c] = append([]byte("of "), c...)
				}
				return after[c], nil
			})
			if err != nil || !slices.IsSorted(seen) || seen[0] != "" || len(seen) != len(before)-campaigns/100 {
				t.Errorf("ReplaceKeys = %v, for %d campaigns from %q on", err, len(seen), seen[0])
			}
			want(t, open(t), after, names...)
		},
		"a key that is destroyed beside a replacement stays destroyed, and none is added beside it": func(t *testing.T, open func(testing.TB) events.Keys) {
			const campaigns = 20
			keys, rival := open(t), open(t)
			all := wrapped{"": {1}}
			for n := range campaigns {
				all[events.Campaign(fmt.Sprintf("c-%02d", n))] = []byte{1}
			}
			add(t, keys, all)
			for round := range byte(campaigns) {
				c, late := events.Campaign(fmt.Sprintf("c-%02d", round)), events.Campaign(fmt.Sprintf("late-%d", round))
				failed := make(chan error, 2)
				var begun sync.Once
				err := keys.ReplaceKeys(t.Context(), func(_ events.Campaign, wrapped []byte) ([]byte, error) {
					begun.Do(func() {
						go func() { failed <- rival.DestroyKey(t.Context(), c) }()
						go func() {
							err := rival.AddKeys(t.Context(), []byte{round + 1}, map[events.Campaign][]byte{late: {1}})
							if !errors.Is(err, events.ErrRotated) {
								err = fmt.Errorf("AddKeys beside a replacement = %w, want %w", err, events.ErrRotated)
							} else {
								err = nil
							}
							failed <- err
						}()
					})
					return []byte{wrapped[0] + 1}, nil
				})
				for _, err := range []error{err, <-failed, <-failed} {
					if err != nil {
						t.Error(err)
					}
				}
				want(t, open(t), wrapped{"": {round + 2}, c: {}}, "", c, late)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, newStore(t))
		})
	}
}
