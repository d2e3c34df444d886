package httpapi_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/httpapi/auth"
)

const (
	fairOwners = 20
	ownerEvery = 25 * time.Millisecond // 40 a second of each
	junkEvery  = 500 * time.Microsecond
)

// TestFairness has 20 owners read at 40 a second each behind one proxy, while others do all at once
// what they should not: a token in a tight loop, one that looks back in a loop, one that takes
// every stream it gets, 2,000 requests a second without a signature, and tokens of unknown keys
// while the identity provider hangs. It takes 2 s, or JANGBU_TEST_FAIRNESS of them, in which it
// also judges how soon the owners are served. It is not parallel, because it measures.
func TestFairness(t *testing.T) {
	length, within := 2*time.Second, patience
	if s := os.Getenv("JANGBU_TEST_FAIRNESS"); s != "" {
		seconds, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		length, within = time.Duration(seconds)*time.Second, 250*time.Millisecond
	}
	for name, trusted := range map[string]bool{"the proxy is trusted": true, "all share an address": false} {
		t.Run(name, func(t *testing.T) {
			f := setupFairness(t, trusted)
			f.others()
			f.streams(t)
			served, asked, p99 := f.owners(length)
			t.Logf("%d of %d good requests served, p99 %v; %s", served, asked, p99, f.said())
			if float64(served) < 0.99*float64(asked) || asked < int(0.5*fairOwners*float64(length/ownerEvery)) {
				t.Errorf("%d of %d good requests were served", served, asked)
			}
			if p99 > within {
				t.Errorf("p99 is %v, want at most %v", p99, within)
			}
			if f.bad.Load() > 0 {
				t.Errorf("%d requests that no one may make were answered", f.bad.Load())
			}
		})
	}
}

// fairness is an API with owners and those who take what they can.
type fairness struct {
	ctx    context.Context
	group  sync.WaitGroup
	url    string
	sign   func(kid, subject string, shop events.Shop) string
	client *http.Client

	loops, looks, hogged, junked, unknown atomic.Int64 // how often others asked
	bad                                   atomic.Int64 // and got what they may not have
}

func setupFairness(t *testing.T, trusted bool) *fairness {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// The identity provider answers once, and then no more.
	var asked atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 {
			<-r.Context().Done()
			return
		}
		_, _ = fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"known","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	}))
	t.Cleanup(host.Close)
	v, err := auth.New(t.Context(), auth.Config{JWKSURL: host.URL, Issuer: issuerName, Audience: audience, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	current := &fresh{}
	current.current.Store(true)
	b := setupHistory(t, func(cfg *httpapi.Config) {
		cfg.Auth, cfg.Now, cfg.Freshness, cfg.Limits = v, time.Now, current, httpapi.Limits{Streams: 10 * fairOwners}
		if trusted {
			cfg.TrustedProxies = proxies()
		}
	})
	var facts []events.Event
	for i := range fairOwners {
		facts = append(facts, campaign(events.Campaign(fmt.Sprint("evt-", i)), events.Shop(fmt.Sprint("store-", i)))...)
	}
	b.fold(t, facts...)
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(t.Context())
	f := &fairness{ctx: ctx, url: server.URL, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 200}}}
	t.Cleanup(func() {
		stop()
		f.group.Wait()
		f.client.CloseIdleConnections()
	})
	f.sign = func(kid, subject string, shop events.Shop) string {
		token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
			"iss": issuerName, "aud": audience, "sub": subject, "role": auth.Owner, "stores": []events.Shop{shop},
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		})
		token.Header["kid"] = kid
		signed, err := token.SignedString(private)
		if err != nil {
			t.Error(err)
		}
		return signed
	}
	return f
}

// get asks for a path as the client at an address, and returns the response, whose body the caller
// closes; nil where there is none.
func (f *fairness) get(path, address, token string) *http.Response {
	r, err := http.NewRequestWithContext(f.ctx, http.MethodGet, f.url+path, nil)
	if err != nil {
		return nil
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("X-Forwarded-For", address)
	res, err := f.client.Do(r)
	if err != nil {
		return nil
	}
	return res
}

// status asks and returns the status; 0 where there is no response.
func (f *fairness) status(path, address, token string) int {
	res := f.get(path, address, token)
	if res == nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

// again runs what one of the others does until the test ends: at once again, or at an interval.
func (f *fairness) again(every time.Duration, ask func()) {
	f.group.Go(func() {
		for next := time.Now(); f.ctx.Err() == nil; {
			ask()
			if next = next.Add(every); every > 0 && time.Until(next) > 0 {
				select {
				case <-time.After(time.Until(next)):
				case <-f.ctx.Done():
				}
			}
		}
	})
}

// others does what no one should.
func (f *fairness) others() {
	loop := f.sign("known", "loop", "store-0")
	look := f.sign("known", "look", "store-1")
	hog := f.sign("known", "hog", "store-2")
	unsigned := loop[:strings.LastIndexByte(loop, '.')+1]
	const at = "198.51.100.7"
	f.again(0, func() {
		f.loops.Add(1)
		f.status("/api/events/evt-0/analytics", at, loop)
	})
	for range 4 {
		f.again(0, func() {
			f.looks.Add(1)
			f.status("/api/events/evt-1/analytics?asOf=1", at, look)
		})
	}
	for range 4 { // together 2,000 a second
		f.again(4*junkEvery, func() {
			f.junked.Add(1)
			if s := f.status("/api/events/evt-0/analytics", at, unsigned); s == http.StatusOK {
				f.bad.Add(1)
			}
		})
	}
	f.again(20*time.Millisecond, func() {
		n := f.unknown.Add(1)
		if s := f.status("/api/events/evt-0/analytics", at, f.sign(fmt.Sprint("unknown-", n), "loop", "store-0")); s == http.StatusOK {
			f.bad.Add(1)
		}
	})
	f.again(5*time.Millisecond, func() {
		f.hogged.Add(1)
		if res := f.get("/api/events/evt-2/analytics/stream", at, hog); res != nil && res.StatusCode != http.StatusOK {
			_ = res.Body.Close()
		} else if res != nil {
			f.group.Go(func() {
				<-f.ctx.Done()
				_ = res.Body.Close()
			})
		}
	})
}

// said says what the others have done.
func (f *fairness) said() string {
	return fmt.Sprintf("beside %d in a loop, %d of the past, %d streams asked for, %d unsigned, %d of unknown keys",
		f.loops.Load(), f.looks.Load(), f.hogged.Load(), f.junked.Load(), f.unknown.Load())
}

// owner returns an owner's campaign, address and token.
func (f *fairness) owner(i int) (path, address, token string) {
	return fmt.Sprintf("/api/events/evt-%d/analytics", i), fmt.Sprint("203.0.113.", i), f.sign("known", fmt.Sprint("owner-", i), events.Shop(fmt.Sprint("store-", i)))
}

// streams checks that every owner gets a stream, once the hog has had time to take what it can.
func (f *fairness) streams(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); f.hogged.Load() < 5*fairOwners && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	for i := range fairOwners {
		path, address, token := f.owner(i)
		res := f.get(path+"/stream", address, token)
		if res == nil || res.StatusCode != http.StatusOK {
			t.Errorf("owner %d gets no stream: %+v", i, res)
			continue
		}
		f.group.Go(func() {
			<-f.ctx.Done()
			_ = res.Body.Close()
		})
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "event: dashboard") {
		}
		if lines.Err() != nil {
			t.Errorf("owner %d is shown nothing: %v", i, lines.Err())
		}
	}
}

// owners has the owners read, and returns how many of their requests were served, and how soon.
func (f *fairness) owners(length time.Duration) (served, asked int, p99 time.Duration) {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		took  []time.Duration
	)
	until := time.Now().Add(length)
	for i := range fairOwners {
		path, address, token := f.owner(i)
		group.Go(func() {
			for next := time.Now(); next.Before(until) && f.ctx.Err() == nil; next = next.Add(ownerEvery) {
				time.Sleep(time.Until(next))
				status := f.status(path, address, token)
				mu.Lock()
				if asked++; status == http.StatusOK {
					served++
				}
				took = append(took, time.Since(next)) // since it was to be asked
				mu.Unlock()
			}
		})
	}
	group.Wait()
	slices.Sort(took)
	return served, asked, took[len(took)*99/100]
}
