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
	all := events.WithdrawnRight{Subject: named(t, "kim"), At: at(-30)}
	one := events.WithdrawnRight{Subject: named(t, "kim"), Shop: "store-1", At: at(-30)}
	for name, c := range map[string]struct {
		records []events.WithdrawnRight
		claims  []string
		shops   []events.Shop // nil: refused, but for everything
		reason  string
	}{
		"nothing":                      {nil, nil, []events.Shop{"store-1", "store-2"}, ""},
		"everything":                   {[]events.WithdrawnRight{all}, nil, nil, "sub: its rights were withdrawn"},
		"of another":                   {[]events.WithdrawnRight{{Subject: named(t, "lee"), At: at(-30)}}, nil, []events.Shop{"store-1", "store-2"}, ""},
		"before it was issued":         {[]events.WithdrawnRight{{Subject: named(t, "kim"), At: at(-100)}}, nil, []events.Shop{"store-1", "store-2"}, ""},
		"by a clock that is behind":    {[]events.WithdrawnRight{{Subject: named(t, "kim"), At: at(-90)}}, nil, nil, "sub: its rights were withdrawn"},
		"without iat":                  {[]events.WithdrawnRight{{Subject: named(t, "kim"), At: at(-100)}}, []string{"iat", ""}, nil, "sub: its rights were withdrawn"},
		"a shop":                       {[]events.WithdrawnRight{one}, nil, []events.Shop{"store-2"}, ""},
		"a shop that is not its":       {[]events.WithdrawnRight{{Subject: named(t, "kim"), Shop: "store-9", At: at(-30)}}, nil, []events.Shop{"store-1", "store-2"}, ""},
		"its only shop":                {[]events.WithdrawnRight{one}, []string{"stores", `["store-1"]`}, nil, "stores: were withdrawn"},
		"a shop, then the other":       {[]events.WithdrawnRight{one, {Subject: named(t, "kim"), Shop: "store-2", At: at(-29)}}, nil, nil, "stores: were withdrawn"},
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
	a.Withdraw([]events.WithdrawnRight{{Subject: named(t, "kim"), At: i.now()}})
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

// named returns a subject that identifies no person.
func named(t *testing.T, name string) events.Subject {
	t.Helper()
	return hashed(t, events.SubjectKey{}, name)
}

// hashed returns the subject of that name, under the key where it identifies a person.
func hashed(t *testing.T, key events.SubjectKey, name string) events.Subject {
	t.Helper()
	subject, err := key.Subject(name)
	if err != nil {
		t.Fatal(err)
	}
	return subject
}

// TestWithdrawnRightsOfPersons: subjects that identify persons are compared by their hashes. Where
// the key of one is missing, the tokens that were issued before to any such subject lose the right
// (I10, I12).
func TestWithdrawnRightsOfPersons(t *testing.T) {
	t.Parallel()
	const kim, lee, plain = "kim@example.com", "010-1234-5678", "park"
	key, other := events.NewSubjectKey([32]byte{1}), events.NewSubjectKey([32]byte{2})
	for name, c := range map[string]struct {
		keys   []events.SubjectKey
		shop   events.Shop
		issued int64 // before now
		want   map[string]string
	}{
		"the key":              {[]events.SubjectKey{key}, "", 40, map[string]string{kim: "sub: its rights were withdrawn", lee: "", plain: ""}},
		"the key of several":   {[]events.SubjectKey{other, key}, "", 40, map[string]string{kim: "sub: its rights were withdrawn", lee: "", plain: ""}},
		"no key":               {nil, "", 40, map[string]string{kim: "foreign", lee: "foreign", plain: ""}},
		"another key":          {[]events.SubjectKey{other}, "", 40, map[string]string{kim: "foreign", lee: "foreign", plain: ""}},
		"a newer token":        {nil, "", -5, map[string]string{kim: "", lee: "", plain: ""}},
		"the key, a shop":      {[]events.SubjectKey{key}, "store-1", 40, map[string]string{kim: "store-2", lee: "", plain: ""}},
		"no key, a shop":       {nil, "store-1", 40, map[string]string{kim: "store-2", lee: "store-2", plain: ""}},
		"no key, another shop": {nil, "store-9", 40, map[string]string{kim: "", lee: "", plain: ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			a := newAuth(t, i.config())
			record := events.WithdrawnRight{Subject: hashed(t, key, kim), Shop: c.shop, At: time.Unix(i.later(-35), 0)}
			if foreign := a.Withdraw([]events.WithdrawnRight{record}, c.keys...); foreign != !slices.Contains(c.keys, key) {
				t.Errorf("foreign is %t", foreign)
			}
			for subject, want := range c.want {
				token := compact(`{"alg":"HS256"}`, i.claims("sub", `"`+subject+`"`, "iat", fmt.Sprint(i.later(-c.issued))), hs256(testSecret))
				caller, err := authenticate(a, token)
				got := ""
				switch {
				case err != nil && strings.Contains(err.Error(), "under a key that this process does not have"):
					got = "foreign"
				case err != nil:
					got = err.Error()
				case len(caller.Shops) < 2:
					got = string(caller.Shops[0])
				}
				if got != want {
					t.Errorf("%s: %q, want %q", subject, got, want)
				}
			}
			// The key comes: what was withdrawn is known then.
			if foreign := a.Withdraw(nil, key); foreign {
				t.Error("foreign although the key is there")
			}
			token := compact(`{"alg":"HS256"}`, i.claims("sub", `"`+lee+`"`, "iat", fmt.Sprint(i.later(-c.issued))), hs256(testSecret))
			if caller, err := authenticate(a, token); err != nil || len(caller.Shops) != 2 {
				t.Errorf("with the key, another one: %+v, %v", caller, err)
			}
		})
	}
}
