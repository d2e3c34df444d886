package service

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/httpapi/auth"
)

// timedPairs is how many pairs of a foreign and a missing campaign each part of TestTiming asks
// for, unless JANGBU_TEST_TIMING says otherwise.
const timedPairs = 250

// TestTiming asks for foreign campaigns and missing ones, shuffled, and compares how long the
// answers take: the probability that a foreign one takes longer (the area under the curve) is
// one half where time tells nothing (I12). The margin is that of chance, six standard deviations.
//
//	JANGBU_TEST_TIMING=5000 go test ./cmd/jangbu/service -run TestTiming -v
func TestTiming(t *testing.T) {
	pairs := timedPairs
	long, err := strconv.Atoi(os.Getenv("JANGBU_TEST_TIMING"))
	if err == nil {
		pairs = long
	}
	// Not in parallel, and the parts one after another: others would only add noise.
	for name, database := range map[string]func(testing.TB) string{
		"sqlite": func(testing.TB) string { return "" }, "postgres": func(t testing.TB) string { return services.Database(t) },
	} {
		t.Run(name, func(t *testing.T) {
			b := setupTiming(t, database(t), 3*pairs)
			for n, part := range []struct {
				name string
				// before prepares a pair.
				before func(foreign, missing string)
			}{
				{"cold", func(string, string) {}},
				{"warm", func(foreign, missing string) {
					b.time(t, b.stranger, foreign)
					b.time(t, b.stranger, missing)
				}},
				{"read by its owner", func(foreign, _ string) { b.time(t, b.owner, foreign) }},
			} {
				var foreign, missing []time.Duration
				for i := range pairs {
					id := n*pairs + i
					path := b.paths[i%len(b.paths)]
					of, none := timed(path, id), timed(path, 500_000+id)
					part.before(of, none)
					if rand.IntN(2) == 0 {
						foreign, missing = append(foreign, b.time(t, b.stranger, of)), append(missing, b.time(t, b.stranger, none))
					} else {
						missing, foreign = append(missing, b.time(t, b.stranger, none)), append(foreign, b.time(t, b.stranger, of))
					}
				}
				auc, margin := areaUnderCurve(foreign, missing), 0.17
				if long > 0 {
					margin = 0.05
				}
				slices.Sort(foreign)
				slices.Sort(missing)
				t.Logf("%s, %s: AUC %.3f over %d pairs; medians %v foreign, %v missing", name, part.name, auc, pairs, foreign[pairs/2], missing[pairs/2])
				if auc < 0.5-margin || auc > 0.5+margin {
					t.Errorf("%s, %s: AUC is %.3f, want within %.2f of one half", name, part.name, auc, margin)
				}
			}
		})
	}
}

// timing is a service with campaigns, the owner of all their shops, and a caller of another one.
type timing struct {
	*bundle
	owner, stranger string // tokens
	paths           []string
	client          *http.Client
}

// timedShops is how many shops have campaigns.
const timedShops = 50

func timedCampaign(i int) string { return fmt.Sprintf("evt-%06d", i) }

// timedShop returns the shop of a campaign; it is missing where the campaign is.
func timedShop(i int) string { return fmt.Sprintf("store-%06d", i-i%100_000+i%timedShops) }

// timed returns the path of a campaign, or of its shop.
func timed(path string, i int) string {
	return strings.NewReplacer("{id}", timedCampaign(i), "{storeId}", timedShop(i)).Replace(path)
}

func setupTiming(t *testing.T, database string, campaigns int) *timing {
	t.Helper()
	dir := t.TempDir()
	secret := filepath.Join(dir, "jwt.secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("x", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(dir)
	cfg.authConfig = authConfig{JWTSecretFile: []string{secret}, JWTIssuer: "issuer", JWTAudience: "jangbu"}
	cfg.RowsURL, cfg.LogLevel = database, "warn"
	b := &timing{bundle: setup(t, cfg), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}}
	t.Cleanup(b.client.CloseIdleConnections)
	token := func(shops ...events.Shop) string {
		who := auth.Identity{Subject: "owner of " + string(shops[0]), Role: auth.Owner, Shops: shops}
		signed, err := who.Sign(auth.Secret{Text: []byte(strings.Repeat("x", 32))}, "issuer", "jangbu", time.Now().Add(-time.Minute), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	var shops []events.Shop
	for i := range timedShops {
		shops = append(shops, events.Shop(timedShop(i)))
	}
	b.owner, b.stranger = token(shops...), token("store-of-another")
	for _, path := range []string{"analytics", fmt.Sprint("analytics?asOf=", campaigns), "analytics/evidence", "analytics/stream", "digest"} {
		b.paths = append(b.paths, "http://"+b.httpAddr+"/api/events/{id}/"+path)
	}
	b.paths = append(b.paths, "http://"+b.httpAddr+"/api/stores/{storeId}/events")
	var records []events.Record
	for i := range campaigns {
		id := timedCampaign(i)
		records = append(records, record("event-created", id, fmt.Sprintf(`{"eventId":%q,"storeId":%q,"title":"t","objective":"o"}`, id, timedShop(i))))
	}
	for chunk := range slices.Chunk(records, 1_000) {
		b.produce(t, chunk...)
	}
	waitFor(t, time.Minute, func() string {
		if at, err := b.rows.Revision(t.Context()); err != nil || int(at.Position) < 4*campaigns {
			return fmt.Sprintf("rows are at %d: %v", at.Position, err)
		}
		return ""
	})
	for range 50 { // what is slow once is slow for what exists in no case
		b.time(t, b.stranger, timed(b.paths[0], 400_000))
	}
	return b
}

// time returns how long the answer to a request takes.
func (b *timing) time(t *testing.T, token, url string) time.Duration {
	t.Helper()
	ctx := t.Context()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token == b.owner && strings.HasSuffix(url, "/stream") {
		req.Method = http.MethodHead // which ends
	}
	req.Header.Set("Authorization", "Bearer "+token)
	begun := time.Now()
	res, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	took := time.Since(begun)
	_ = res.Body.Close()
	if want := map[bool]int{true: http.StatusNotFound, false: http.StatusOK}[token == b.stranger]; res.StatusCode != want {
		t.Fatalf("%s: status %d, want %d", url, res.StatusCode, want)
	}
	return took
}

// areaUnderCurve returns the probability that one of a takes longer than one of b.
func areaUnderCurve(a, b []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(b))
	var wins float64
	for _, x := range a {
		below, _ := slices.BinarySearch(sorted, x)
		notAbove, _ := slices.BinarySearch(sorted, x+1)
		wins += float64(below) + float64(notAbove-below)/2
	}
	return wins / float64(len(a)*len(b))
}
