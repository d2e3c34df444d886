package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/httpapi/auth"
	"jangbu/readmodel"
)

const anAnalytics = "/api/events/evt-1/analytics"

// outcomes counts the statuses of n requests.
func (b *bundle) outcomes(t *testing.T, n int, target string, headers ...string) map[int]int {
	t.Helper()
	all := make(map[int]int)
	for range n {
		w := b.do(t, http.MethodGet, target, headers...)
		if all[w.Code]++; w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	return all
}

// TestLimits: subjects, shops and addresses have limits of their own, and a request that one of
// them refuses is not paid from another.
func TestLimits(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	b := setup(t, func(cfg *httpapi.Config) {
		cfg.Now = func() time.Time { return noon().Add(time.Duration(now.Load())) }
		cfg.Limits = httpapi.Limits{PerToken: 2, PerShop: 3, PerAddress: 5}
	})
	b.fold(t, campaign("evt-1", "store-1")...)
	count := func(n int, subject string, shops ...events.Shop) int {
		t.Helper()
		role := auth.Owner
		if len(shops) == 0 {
			role = auth.Ops
		}
		token := mint(t, auth.Identity{Subject: subject, Role: role, Shops: shops})
		got := b.outcomes(t, n, anAnalytics, "Authorization: Bearer "+token)
		if got[200]+got[429] != n {
			t.Errorf("%s: %v", subject, got)
		}
		return got[200]
	}
	for _, step := range []struct {
		subject string
		shops   []events.Shop
		asked   int
		pass    int
	}{
		{"kim", []events.Shop{"store-1"}, 9, 6},  // three seconds' worth
		{"lee", []events.Shop{"store-1"}, 9, 3},  // of 9 of the shop
		{"park", []events.Shop{"store-1"}, 9, 0}, // and lee has not used up what is refused
		{"choi", []events.Shop{"store-1", "store-2"}, 1, 0},
		{"ops", nil, 9, 6}, // of 15 of the address, of which nothing that was refused is missing
		{"other", nil, 1, 0},
	} {
		if got := count(step.asked, step.subject, step.shops...); got != step.pass {
			t.Errorf("%s: %d of %d pass, want %d", step.subject, got, step.asked, step.pass)
		}
	}
	now.Store(int64(10 * time.Second))
	if got := count(9, "kim", "store-1"); got != 6 {
		t.Errorf("%d pass after a while, want 6", got)
	}
}

// TestJunkIsPaidApart: what is refused for its token, or has none, or is of no route, costs those
// nothing who are at the same address and are known, nor those who are new there.
func TestJunkIsPaidApart(t *testing.T) {
	t.Parallel()
	b := setup(t, func(cfg *httpapi.Config) { cfg.Limits = httpapi.Limits{PerToken: 50, PerShop: 50, PerAddress: 50} })
	b.fold(t, campaign("evt-1", "store-1")...)
	good := "Authorization: Bearer " + mint(t, owner("store-1"))
	if got := b.outcomes(t, 1, anAnalytics, good); got[200] != 1 {
		t.Fatalf("%v", got)
	}
	forged := mint(t, owner("store-1"))
	forged = forged[:len(forged)-4] + "AAAA"
	junk := map[string]string{
		"without a token": "Authorization: none", "no JWT": "Authorization: Bearer x", "no bearer": "Authorization: Basic eDp5",
		"unsigned": "Authorization: Bearer " + forged[:strings.LastIndexByte(forged, '.')+1],
	}
	all := make(map[int]int)
	for _, header := range junk {
		for status, n := range b.outcomes(t, 100, anAnalytics, header) {
			all[status] += n
		}
	}
	for status, n := range b.outcomes(t, 100, "/nowhere", good) {
		all[status] += n
	}
	if all[401]+all[404] != 15 || all[429] != 485 { // a tenth of 50 a second, for three seconds
		t.Errorf("junk: %v", all)
	}
	if got := b.outcomes(t, 50, anAnalytics, good); got[200] != 50 {
		t.Errorf("beside junk: %v", got)
	}
	if got := b.outcomes(t, 1, anAnalytics, "Authorization: Bearer "+mint(t, auth.Identity{Subject: "new", Role: auth.Ops})); got[200] != 1 {
		t.Errorf("a new one beside junk: %v", got)
	}
	// What looks like a token until its signature is verified has a bound too.
	if got := b.outcomes(t, 200, anAnalytics, "Authorization: Bearer "+forged); got[401] != 58 || got[429] != 142 {
		t.Errorf("forged: %v", got)
	}
	if got := b.outcomes(t, 50, anAnalytics, good); got[200] != 50 {
		t.Errorf("beside forged tokens: %v", got)
	}
	if got := b.outcomes(t, 20, "/openapi.yaml", "Authorization: none"); got[200] != 20 {
		t.Errorf("what is public, beside junk: %v", got)
	}
	if got := b.outcomes(t, 200, "/", "Authorization: none"); got[429] != 70 {
		t.Errorf("the page in a loop: %v", got)
	}
}

// held is a reader whose reads of campaigns wait until they are released.
type held struct {
	readmodel.Reader
	inside  chan struct{}
	release chan struct{}
}

func (h held) Campaign(ctx context.Context, c events.Campaign, by readmodel.Scope) (readmodel.CampaignRows, error) {
	h.inside <- struct{}{}
	<-h.release
	return h.Reader.Campaign(ctx, c, by)
}

// TestTooMuchAtOnce: requests at once have a bound, in which each subject and each address leave
// room to the others.
func TestTooMuchAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, func(cfg *httpapi.Config) { cfg.Limits.Concurrent = -1 })
	if w := b.do(t, http.MethodGet, "/openapi.yaml"); w.Code != http.StatusOK {
		t.Errorf("without a bound: status %d", w.Code)
	}
	h := held{inside: make(chan struct{}), release: make(chan struct{})}
	b = setup(t, func(cfg *httpapi.Config) {
		h.Reader = cfg.Reader
		cfg.Reader, cfg.Limits.Concurrent = h, 10
	})
	b.fold(t, campaign("evt-1", "store-1")...)
	done := make(chan int)
	ask := func(subject string) {
		token := mint(t, auth.Identity{Subject: subject, Role: auth.Ops})
		go func() { done <- b.do(t, http.MethodGet, anAnalytics, "Authorization: Bearer "+token).Code }()
	}
	under := 0
	for _, subject := range []string{"a", "a", "b", "b", "c", "d", "e", "f"} { // four fifths are this address's
		ask(subject)
		select {
		case <-h.inside:
			under++
		case status := <-done:
			t.Errorf("%s: status %d beside %d", subject, status, under)
		}
		if subject == "b" && under == 3 {
			if w := b.do(t, http.MethodGet, anAnalytics, "Authorization: Bearer "+mint(t, auth.Identity{Subject: "a", Role: auth.Ops})); w.Code != http.StatusTooManyRequests {
				t.Errorf("more than a share: status %d", w.Code)
			}
		}
	}
	for _, target := range []string{"/openapi.yaml", anAnalytics} {
		if w := b.do(t, http.MethodGet, target); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("more than the share of an address: %s: status %d", target, w.Code)
		}
	}
	close(h.release)
	for range under {
		if status := <-done; status != http.StatusOK {
			t.Errorf("one that was under way: status %d", status)
		}
	}
}

// TestClientsBehindAProxy: clients behind a proxy that is trusted have limits of their own, and the
// header of no other is believed.
func TestClientsBehindAProxy(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{true, false} {
		t.Run(fmt.Sprint("trusted ", trusted), func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(cfg *httpapi.Config) {
				cfg.Limits = httpapi.Limits{PerToken: -1, PerShop: -1, PerAddress: 10}
				if trusted {
					cfg.TrustedProxies = proxies()
				}
			})
			b.fold(t, campaign("evt-1", "store-1")...)
			want := map[bool]int{true: 60, false: 30}[trusted]
			got := 0
			for i := range 2 {
				got += b.outcomes(t, 40, anAnalytics, fmt.Sprint("X-Forwarded-For: 203.0.113.", i))[200]
			}
			if got != want {
				t.Errorf("%d pass, want %d", got, want)
			}
		})
	}
}

// proxies are the networks that requests of tests come from.
func proxies() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("127.0.0.0/8")}
}
