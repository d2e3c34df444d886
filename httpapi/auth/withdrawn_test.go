package auth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"jangbu/events"
)

// TestWithdrawnRights: tokens that were issued before a right was withdrawn lose it, known or new;
// others do not.
func TestWithdrawnRights(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	at := func(seconds int64) time.Time { return time.Unix(i.later(seconds), 0) }
	sign := func(change ...string) string {
		return compact(`{"alg":"HS256"}`, i.claims(change...), hs256(testSecret))
	}
	issued := func(seconds int64) []string { return []string{"iat", fmt.Sprint(i.later(seconds))} }
	all := events.WithdrawnRight{Subject: "kim", At: at(-30)}
	one := events.WithdrawnRight{Subject: "kim", Shop: "store-1", At: at(-30)}
	for name, c := range map[string]struct {
		records []events.WithdrawnRight
		claims  []string
		shops   []events.Shop // nil: refused, but for everything
		reason  string
	}{
		"nothing":                      {nil, nil, []events.Shop{"store-1", "store-2"}, ""},
		"everything":                   {[]events.WithdrawnRight{all}, nil, nil, "sub: its rights were withdrawn"},
		"of another":                   {[]events.WithdrawnRight{{Subject: "lee", At: at(-30)}}, nil, []events.Shop{"store-1", "store-2"}, ""},
		"before it was issued":         {[]events.WithdrawnRight{{Subject: "kim", At: at(-100)}}, nil, []events.Shop{"store-1", "store-2"}, ""},
		"by a clock that is behind":    {[]events.WithdrawnRight{{Subject: "kim", At: at(-90)}}, nil, nil, "sub: its rights were withdrawn"},
		"without iat":                  {[]events.WithdrawnRight{{Subject: "kim", At: at(-100)}}, []string{"iat", ""}, nil, "sub: its rights were withdrawn"},
		"a shop":                       {[]events.WithdrawnRight{one}, nil, []events.Shop{"store-2"}, ""},
		"a shop that is not its":       {[]events.WithdrawnRight{{Subject: "kim", Shop: "store-9", At: at(-30)}}, nil, []events.Shop{"store-1", "store-2"}, ""},
		"its only shop":                {[]events.WithdrawnRight{one}, []string{"stores", `["store-1"]`}, nil, "stores: were withdrawn"},
		"a shop, then the other":       {[]events.WithdrawnRight{one, {Subject: "kim", Shop: "store-2", At: at(-29)}}, nil, nil, "stores: were withdrawn"},
		"a shop of an analyst of all":  {[]events.WithdrawnRight{one}, []string{"role", `"analyst"`, "stores", ""}, nil, "stores: were withdrawn"},
		"a shop of an analyst of some": {[]events.WithdrawnRight{one}, []string{"role", `"analyst"`}, []events.Shop{"store-2"}, ""},
		"a shop, and a newer token":    {[]events.WithdrawnRight{one}, issued(1), []events.Shop{"store-1", "store-2"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			known, unknown := newAuth(t, i.config()), newAuth(t, i.config())
			token := sign(c.claims...)
			if _, err := authenticate(known, token); err != nil {
				t.Fatal(err)
			}
			for who, a := range map[string]func(string) ([]events.Shop, error){
				"known": func(token string) ([]events.Shop, error) {
					caller, err := authenticate(known, token)
					return caller.Shops, err
				},
				"unknown": func(token string) ([]events.Shop, error) {
					caller, err := authenticate(unknown, token)
					return caller.Shops, err
				},
			} {
				for _, record := range c.records { // one after the other, and again
					known.Withdraw([]events.WithdrawnRight{record})
					unknown.Withdraw([]events.WithdrawnRight{record})
				}
				shops, err := a(token)
				if !slices.Equal(shops, c.shops) || (err == nil) != (c.reason == "") || err != nil && err.Error() != c.reason {
					t.Errorf("%s: %v, %v; want %v, %q", who, shops, err, c.shops, c.reason)
				}
			}
		})
	}
}

// TestWithdrawnRightsAreForgotten: once no token can be left of before it, a record takes no room.
func TestWithdrawnRightsAreForgotten(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	a := newAuth(t, i.config())
	a.Withdraw([]events.WithdrawnRight{{Subject: "kim", At: i.now()}})
	token := compact(`{"alg":"HS256"}`, i.claims("iat", ""), hs256(testSecret))
	if _, err := authenticate(a, token); err == nil || !strings.Contains(err.Error(), "withdrawn") {
		t.Errorf("at once: %v", err)
	}
	i.clock.Add(24*3600 + 121)
	a.Withdraw(nil)
	token = compact(`{"alg":"HS256"}`, i.claims("iat", ""), hs256(testSecret))
	if _, err := authenticate(a, token); err != nil {
		t.Errorf("after a day: %v", err)
	}
}
