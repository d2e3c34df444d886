package httpapi_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/httpapi/auth"
)

// TestOwnersSeeTheirOwn asks every route for each of 50 shops' 20 campaigns, with
// every kind of token: the response for a foreign campaign equals, to the byte, that for
// a missing one (I12).
func TestOwnersSeeTheirOwn(t *testing.T) {
	t.Parallel()
	const shops, campaigns = 50, 20
	draining := make(chan struct{})
	close(draining) // a stream ends after its first view
	b := setupHistory(t, func(cfg *httpapi.Config) { cfg.Draining = draining })
	var facts []events.Event
	for s := range shops {
		for c := range campaigns {
			facts = append(facts, campaign(events.Campaign(fmt.Sprintf("evt-%d-%d", s, c)), events.Shop(fmt.Sprintf("store-%d", s)))...)
		}
	}
	b.fold(t, facts...)
	b.fold(t, &events.ParticipantRegistered{Campaign: "evt-unknown", Participant: "p"}) // the campaign of no known shop
	expired, err := owner("store-0").Sign(theSecret(), issuerName, audience, noon().Add(-2*time.Hour), noon().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	forged, err := owner("store-0").Sign(auth.Secret{Text: []byte(strings.Repeat("x", 32))}, issuerName, audience, noon(), noon().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var owners []string // of each shop, and one of a shop that does not exist
	for s := range shops + 1 {
		owners = append(owners, "Bearer "+mint(t, owner(events.Shop(fmt.Sprintf("store-%d", s)))))
	}
	type reply struct {
		status int
		body   string
	}
	asked, judged, digits := 0, make(map[reply]bool), regexp.MustCompile(`[0-9]+`)
	ask := func(target, token string) reply {
		asked++
		b.lax = true
		w := b.do(t, http.MethodGet, target, "Authorization: "+token)
		got := reply{w.Code, w.Body.String()}
		shape := reply{w.Code, digits.ReplaceAllString(got.body, "0")}
		if !judged[shape] { // most are the same as others, but for ids and positions
			b.lax, judged[shape] = false, true
			b.do(t, http.MethodGet, target, "Authorization: "+token)
		}
		return got
	}
	me := owners[0]
	routes := b.Routes()
	for _, route := range routes {
		if route.Name == "getAnalytics" {
			route.Path += "?asOf=2026-11-23T03:00:00Z"
			routes = append(routes, route)
		}
	}
	for _, route := range routes {
		target := func(s, c int) string {
			return strings.NewReplacer("{id}", fmt.Sprintf("evt-%d-%d", s, c), "{storeId}", fmt.Sprintf("store-%d", s)).Replace(route.Path)
		}
		if route.Public {
			// It is public, and so the same for every token.
			want := ask(route.Path, "none")
			for _, token := range []string{me, "Bearer " + expired, "Bearer " + forged} {
				if got := ask(route.Path, token); got != want || strings.Contains(got.body, "evt-0-0") {
					t.Errorf("%s: %+v, and without a token %+v", route.Path, got, want)
				}
			}
			continue
		}
		missing, refused := ask(target(shops, campaigns), me), ask(target(0, 0), "none")
		if missing.status != http.StatusNotFound || refused.status != http.StatusUnauthorized {
			t.Fatalf("%s: a missing one: %+v, without a token: %+v", route.Path, missing, refused)
		}
		for s := range shops {
			for c := range campaigns {
				if c > 0 && target(s, c) == target(s, c-1) {
					break // the route is not one of a campaign
				}
				target, foreign := target(s, c), owners[(s+1+c)%shops]
				if got := ask(target, owners[s]); got.status != http.StatusOK || !strings.Contains(got.body, fmt.Sprintf("evt-%d-%d", s, c)) {
					t.Errorf("%s: its owner: %+v", target, got)
				}
				for kind, token := range map[string]string{"a foreign owner": foreign, "an owner of nothing": owners[shops]} {
					if got := ask(target, token); got != missing {
						t.Errorf("%s: %s: %+v, a missing one: %+v", target, kind, got, missing)
					}
				}
				for kind, token := range map[string]string{"no": "none", "an expired": "Bearer " + expired, "another's": "Bearer " + forged} {
					if got := ask(target, token); got != refused {
						t.Errorf("%s: %s token: %+v, want %+v", target, kind, got, refused)
					}
				}
			}
		}
		for kind, token := range map[string]string{"no": "none", "an expired": "Bearer " + expired, "another's": "Bearer " + forged} {
			if got := ask(target(shops, campaigns), token); got != refused {
				t.Errorf("%s: a missing one, %s token: %+v, want %+v", route.Path, kind, got, refused)
			}
		}
	}
	missing := ask("/api/events/missing/analytics", me)
	if got := ask("/api/events/evt-unknown/analytics", me); got != missing {
		t.Errorf("a campaign without a shop: %+v", got)
	}
	if got := ask("/api/events/evt-unknown/analytics", "Bearer "+b.token); got.status != http.StatusOK {
		t.Errorf("a campaign without a shop, for an analyst: %+v", got)
	}
	if got := ask("/api/stores/store-1/events", me); strings.Contains(got.body, "evt-") {
		t.Errorf("campaigns of a foreign shop leak: %+v", got)
	}
	// Several shops are one owner's.
	both := "Bearer " + mint(t, owner("store-3", "store-4"))
	for _, s := range []int{3, 4} {
		if got := ask(fmt.Sprintf("/api/events/evt-%d-1/analytics", s), both); got.status != http.StatusOK {
			t.Errorf("shop %d of an owner of two: %+v", s, got)
		}
	}
	t.Logf("%d requests", asked)
}
