package eventstest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

// TestKeys tests an implementation of [events.Keys]. newStore creates an empty store
// and returns a function that opens a handle on it, as another process would. Store
// and handles are removed when their t ends.
func TestKeys(t *testing.T, newStore func(t testing.TB) (open func(t testing.TB) events.Keys)) {
	add := func(t *testing.T, keys events.Keys, wrapped map[events.Campaign][]byte) {
		t.Helper()
		if err := keys.AddKeys(t.Context(), wrapped); err != nil {
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
				go func() { failed <- keys.AddKeys(t.Context(), mine) }()
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
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, newStore(t))
		})
	}
}
