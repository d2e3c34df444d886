package readmodel_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/readmodel"
)

func TestScopeAllows(t *testing.T) {
	t.Parallel()
	known := readmodel.CampaignStats{Campaign: "evt-1", Known: true, Shop: "store-1"}
	foreign := readmodel.CampaignStats{Campaign: "evt-2", Known: true, Shop: "store-2"}
	unknown := readmodel.CampaignStats{Campaign: "evt-3"}
	for name, tc := range map[string]struct {
		scope                   readmodel.Scope
		known, foreign, unknown bool
	}{
		"none":              {},
		"no shops":          {scope: readmodel.Shops()},
		"everything":        {scope: readmodel.Everything(), known: true, foreign: true, unknown: true},
		"its shop":          {scope: readmodel.Shops("store-1"), known: true},
		"a prefix of it":    {scope: readmodel.Shops("store-")},
		"several shops":     {scope: readmodel.Shops("store-2", "store-1"), known: true, foreign: true},
		"a shop not named":  {scope: readmodel.Shops("")},
		"names of no shops": {scope: readmodel.Shops("store-1\x00", "\xff")},
	} {
		got := [3]bool{tc.scope.Allows(known), tc.scope.Allows(foreign), tc.scope.Allows(unknown)}
		if want := [3]bool{tc.known, tc.foreign, tc.unknown}; got != want {
			t.Errorf("%s: allows known, foreign, unknown = %v, want %v", name, got, want)
		}
		if got := tc.scope.AllowsShop("store-1"); got != tc.known {
			t.Errorf("%s: AllowsShop = %v, want %v", name, got, tc.known)
		}
	}
}

func TestScopeLimits(t *testing.T) {
	t.Parallel()
	given := []events.Shop{"store-1", "a\x00", "가게", "\xff"}
	scope := readmodel.Shops(given...)
	given[0] = "store-2"
	shops, limited := scope.Limits()
	if diff := cmp.Diff([]events.Shop{"store-1", "가게"}, shops); diff != "" || !limited {
		t.Errorf("limited %t to (-want +got):\n%s", limited, diff)
	}
	shops[0] = "store-3"
	if scope.AllowsShop("store-3") || !scope.AllowsShop("store-1") {
		t.Error("changing the limits that were returned changes the scope")
	}
	if _, limited := readmodel.Everything().Limits(); limited {
		t.Error("everything is limited")
	}
	if shops, limited := (readmodel.Scope{}).Limits(); len(shops) > 0 || !limited {
		t.Errorf("no scope is limited %t to %v", limited, shops)
	}
}
