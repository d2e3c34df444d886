package readmodel_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/readmodel"
)

func TestScopeAllows(t *testing.T) {
	t.Parallel()
	known := readmodel.EventStats{Campaign: "evt-1", Known: true, Store: "store-1"}
	foreign := readmodel.EventStats{Campaign: "evt-2", Known: true, Store: "store-2"}
	unknown := readmodel.EventStats{Campaign: "evt-3"}
	for name, tc := range map[string]struct {
		scope                   readmodel.Scope
		known, foreign, unknown bool
	}{
		"none":               {},
		"no stores":          {scope: readmodel.Stores()},
		"everything":         {scope: readmodel.Everything(), known: true, foreign: true, unknown: true},
		"its store":          {scope: readmodel.Stores("store-1"), known: true},
		"a prefix of it":     {scope: readmodel.Stores("store-")},
		"several stores":     {scope: readmodel.Stores("store-2", "store-1"), known: true, foreign: true},
		"a store not named":  {scope: readmodel.Stores("")},
		"names of no events": {scope: readmodel.Stores("store-1\x00", "\xff")},
	} {
		got := [3]bool{tc.scope.Allows(known), tc.scope.Allows(foreign), tc.scope.Allows(unknown)}
		if want := [3]bool{tc.known, tc.foreign, tc.unknown}; got != want {
			t.Errorf("%s: allows known, foreign, unknown = %v, want %v", name, got, want)
		}
		if got := tc.scope.AllowsStore("store-1"); got != tc.known {
			t.Errorf("%s: AllowsStore = %v, want %v", name, got, tc.known)
		}
	}
}

func TestScopeLimits(t *testing.T) {
	t.Parallel()
	given := []events.Store{"store-1", "a\x00", "가게", "\xff"}
	scope := readmodel.Stores(given...)
	given[0] = "store-2"
	stores, limited := scope.Limits()
	if diff := cmp.Diff([]events.Store{"store-1", "가게"}, stores); diff != "" || !limited {
		t.Errorf("limited %t to (-want +got):\n%s", limited, diff)
	}
	stores[0] = "store-3"
	if scope.AllowsStore("store-3") || !scope.AllowsStore("store-1") {
		t.Error("who asks for the limits can change them")
	}
	if _, limited := readmodel.Everything().Limits(); limited {
		t.Error("everything is limited")
	}
	if stores, limited := (readmodel.Scope{}).Limits(); len(stores) > 0 || !limited {
		t.Errorf("no scope is limited %t to %v", limited, stores)
	}
}
