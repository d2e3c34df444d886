package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/httpapi/auth"
	"jangbu/readmodel"
	"jangbu/readmodel/readmodeltest"
)

// TestAsOf: at every position, and at every moment between two events, a look back
// is to the byte what was served then.
func TestAsOf(t *testing.T) {
	t.Parallel()
	now := new(atomic.Int64) // seconds after noon
	b := setupHistory(t, func(cfg *httpapi.Config) {
		cfg.Now = func() time.Time { return noon().Add(time.Duration(now.Load()) * time.Second) }
	})
	cost, views, more := events.Won(1000), int64(2000), int64(3000)
	facts := []events.Event{
		&events.ParticipantRegistered{Campaign: "evt-1", Participant: "early"},
		&events.EventCreated{Campaign: "evt-2", Shop: "store-2", Title: "another"},
		&events.EventCreated{Campaign: "evt-1", Shop: "store-1", Title: "개업", PrizeCost: &cost},
		&events.DistributionCompleted{Campaign: "evt-1", CompletedAt: noon(), Channels: []events.Distribution{{Channel: events.Naver, Cost: &cost}}},
		&events.ChannelStatsFetched{Campaign: "evt-1", Channel: events.Naver, FetchedAt: noon().Add(210 * time.Second), Views: &views},
		&events.ParticipantRegistered{Campaign: "evt-1", Participant: "p-1", Channel: "naver"},
		&events.ParticipantRegistered{Campaign: "evt-2", Participant: "p-1"}, // meanwhile the figures of evt-1 have become stale
		&events.ParticipantRegistered{Campaign: "evt-1", Participant: "p-2"},
		&events.ChannelStatsFetched{Campaign: "evt-1", Channel: events.Naver, FetchedAt: noon().Add(9 * time.Minute), Views: &more},
		&events.EventCreated{Campaign: "evt-1", Shop: "store-9", Title: "of another shop now"},
		&events.EventsWithdrawn{Campaign: "evt-1", Positions: []events.Position{6, 9}},
		&events.EventsWithdrawn{Campaign: "evt-1", Positions: []events.Position{10}}, // and of the first one again
		&events.EventsWithdrawn{Campaign: "evt-2", Positions: []events.Position{2, 7}},
		&events.EventsWithdrawn{Campaign: "evt-1", Positions: []events.Position{11}},
		&events.EventsWithdrawn{Campaign: "evt-2", Positions: []events.Position{13}},
		&events.EventsWithdrawn{Campaign: "evt-1", Positions: []events.Position{12, 14}},
	}
	targets := []string{
		"/api/events/evt-1/analytics?", "/api/events/evt-2/analytics?", "/api/events/none/analytics?",
		"/api/events/evt-1/analytics?tz=UTC&interval=day&from=2026-11-22T00:00:00Z&", "/api/events/evt-1/digest?",
	}
	tokens := map[string]string{
		"analyst": "Bearer " + b.token, "store-1": "Bearer " + mint(t, owner("store-1")), "store-9": "Bearer " + mint(t, owner("store-9")),
		"both": "Bearer " + mint(t, owner("store-1", "store-9")),
	}
	served := make(map[string]*httptest.ResponseRecorder)
	b.lax = true // for as long as it is only compared
	for i, fact := range facts {
		now.Store(int64(i) * 60)
		b.foldAt(t, noon().Add(time.Duration(i)*time.Minute), fact)
		for _, target := range targets {
			for caller, token := range tokens {
				served[fmt.Sprint(target, caller, i+1)] = b.do(t, http.MethodGet, target, "Authorization: "+token)
			}
		}
	}
	for i := range facts {
		for _, target := range targets {
			for caller, token := range tokens {
				then := served[fmt.Sprint(target, caller, i+1)]
				if last := served[fmt.Sprint(target, caller, len(facts))]; last.Code == http.StatusNotFound {
					then = last // what is not theirs any more they cannot look back to
				}
				moment := noon().Add(time.Duration(i) * time.Minute).In(time.FixedZone("", 9*3600)).Format(time.RFC3339)
				for _, asOf := range []string{fmt.Sprint(i + 1), moment} {
					got := b.do(t, http.MethodGet, target+"asOf="+url.QueryEscape(asOf), "Authorization: "+token)
					if got.Code != then.Code || got.Body.String() != then.Body.String() {
						t.Errorf("%s as of %s for %s: %d %s, then %d %s", target, asOf, caller, got.Code, got.Body, then.Code, then.Body)
					}
				}
			}
		}
	}
	b.lax = false
	if body := served[targets[0]+"analyst"+"8"].Body.String(); !strings.Contains(body, `"stale"`) {
		t.Errorf("nothing was stale: %s", body)
	}

	// Between two events time goes on, and figures become stale.
	got := b.do(t, http.MethodGet, targets[0]+"asOf=2026-11-23T03:07:01.5Z").Body.String()
	if !strings.Contains(got, `"stale"`) || !strings.Contains(got, `"position":8`) {
		t.Errorf("between two events: %s", got)
	}
	for query, want := range map[string]string{
		"asOf=17":                           `"asOf: that has not happened yet"`,
		"asOf=9223372036854775807":          `"asOf: that has not happened yet"`,
		"asOf=2026-11-23T03:15:01Z":         `"asOf: that has not happened yet"`,
		"asOf=0":                            "asOf: expected a position",
		"asOf=-1":                           "asOf: expected a position",
		"asOf=":                             "asOf: expected a position",
		"asOf=yesterday":                    "asOf: expected a position",
		"asOf=9223372036854775808":          "asOf: expected a position",
		"asOf=2026-11-23":                   `"asOf: that has not happened yet"`, // the day's end has not
		"asOf=2026-11-32":                   "asOf: expected a position",
		"asOf=1&asOf=2":                     "asOf: is there more than once",
		"asOf=2026-11-23T12:00:00+09:00":    "with + as %2B",
		"asOf=1&from=2026-11-23T03:00:00Zx": "from: expected",
	} {
		w := b.do(t, http.MethodGet, targets[0]+query)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s", query, w.Code, w.Body, want)
		}
	}
	missing := b.do(t, http.MethodGet, "/api/events/none/analytics").Body.String()
	for _, target := range []string{
		targets[0] + "asOf=2026-11-23T02:59:59Z", targets[0] + "asOf=0001-01-01T00:00:00Z",
		targets[2] + "asOf=3", targets[2] + "asOf=17",
	} {
		if w := b.do(t, http.MethodGet, target); w.Code != http.StatusNotFound || w.Body.String() != missing {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	// A day is its last moment in the zone that is asked for, once that has come.
	now.Store(int64((7 * time.Hour).Seconds()))
	for _, tc := range []struct{ day, end string }{
		{"tz=Pacific/Honolulu&asOf=2026-11-22", "tz=Pacific/Honolulu&asOf=2026-11-23T09:59:59.999999999Z"},
		{"asOf=2026-11-22", "asOf=2026-11-22T23:59:59.999999999%2B09:00"},
	} {
		want := b.do(t, http.MethodGet, targets[0]+tc.end)
		if got := b.do(t, http.MethodGet, targets[0]+tc.day); got.Code != want.Code || got.Body.String() != want.Body.String() {
			t.Errorf("%s: %d %s, and %s: %d %s", tc.day, got.Code, got.Body, tc.end, want.Code, want.Body)
		}
	}
	if got := b.do(t, http.MethodGet, targets[0]+"tz=Pacific/Honolulu&asOf=2026-11-22"); got.Code != http.StatusOK {
		t.Errorf("a day that the campaign was known: %d %s", got.Code, got.Body)
	}
	now.Store(int64(len(facts)-1) * 60)

	// To an owner it is now: where the log of all shops ends is not told.
	present := b.do(t, http.MethodGet, targets[0], "Authorization: "+tokens["both"])
	for _, target := range []string{targets[0] + "asOf=17", targets[0] + "asOf=9223372036854775807"} {
		if w := b.do(t, http.MethodGet, target, "Authorization: "+tokens["both"]); w.Code != http.StatusOK || w.Body.String() != present.Body.String() {
			t.Errorf("%s to an owner: %d %s", target, w.Code, w.Body)
		}
	}
	// To a stranger a position beyond the head is no other than any.
	if w := b.do(t, http.MethodGet, targets[1]+"asOf=17", "Authorization: "+tokens["store-1"]); w.Body.String() != missing {
		t.Errorf("a foreign one, beyond the head: %d %s", w.Code, w.Body)
	}
	if w := b.do(t, http.MethodGet, "/api/events/evt-1/analytics/stream?asOf=1"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "the past does not change") {
		t.Errorf("a stream: %d %s", w.Code, w.Body)
	}

	// The past has an entity tag like the present.
	w := b.do(t, http.MethodGet, targets[0]+"asOf=5")
	if again := b.do(t, http.MethodGet, targets[0]+"asOf=5", "If-None-Match: "+w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("with its tag: status %d", again.Code)
	}
	if other := b.do(t, http.MethodGet, targets[0]+"asOf=6", "If-None-Match: "+w.Header().Get("ETag")); other.Code != http.StatusOK {
		t.Errorf("with another's tag: status %d", other.Code)
	}
}

// TestWithoutHistory: without a log the API refuses to look back, and says so.
func TestWithoutHistory(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fold(t, campaign("evt-1", "store-1")...)
	if w := b.do(t, http.MethodGet, "/api/events/evt-1/analytics?asOf=1"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "does not look back") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// slow is a history that answers when it is told to.
type slow struct {
	asked   chan struct{}
	release chan struct{}
}

func (s *slow) CampaignAsOf(ctx context.Context, c events.Campaign, _ readmodel.Moment, _ readmodel.Scope) (readmodel.CampaignRows, time.Time, error) {
	select {
	case s.asked <- struct{}{}:
	case <-ctx.Done():
		return readmodel.CampaignRows{}, time.Time{}, ctx.Err()
	}
	select {
	case <-s.release:
		return readmodeltest.CampaignRows(readmodel.CampaignStats{Campaign: c}), noon(), nil
	case <-ctx.Done():
		return readmodel.CampaignRows{}, time.Time{}, ctx.Err()
	}
}

// TestFewLookBackAtOnce: four look back at once, two of each subject; others wait for their turn,
// some of each subject, and a request about the present waits for none of them. One that asks for
// all it can keeps no other from an answer.
func TestFewLookBackAtOnce(t *testing.T) {
	t.Parallel()
	const wait = 32
	history := &slow{asked: make(chan struct{}), release: make(chan struct{})}
	// One subject may make a fifth of the requests at once: here as many as look and wait. Were they to
	// keep their shares, none were left.
	b := setup(t, func(cfg *httpapi.Config) { cfg.History, cfg.Limits.Concurrent = history, 5*(2+wait) })
	b.fold(t, campaign("evt-1", "store-1")...)
	const target = "/api/events/evt-1/analytics"
	done := make(chan int)
	look := func(subject string) {
		token := mint(t, auth.Identity{Subject: subject, Role: auth.Analyst})
		go func() { done <- b.do(t, http.MethodGet, target+"?asOf=1", "Authorization: Bearer "+token).Code }()
	}
	for range 2 {
		look("a")
		<-history.asked
	}
	for range wait + 1 {
		look("a")
	}
	if code := <-done; code != http.StatusTooManyRequests {
		t.Errorf("one too many of a subject: %d", code)
	}
	for _, other := range []string{"b", "c"} { // do not wait for those of a
		look(other)
		<-history.asked
	}
	look("d")
	if w := b.do(t, http.MethodGet, "/api/events/none/analytics?asOf=1"); w.Code != http.StatusNotFound {
		t.Errorf("a missing campaign meanwhile: %d %s", w.Code, w.Body)
	}
	for range 5 { // those that wait take no share of a's requests
		if w := b.do(t, http.MethodGet, target, "Authorization: Bearer "+mint(t, auth.Identity{Subject: "a", Role: auth.Analyst})); w.Code != http.StatusOK {
			t.Errorf("now, meanwhile: %d %s", w.Code, w.Body)
		}
	}
	close(history.release)
	for range wait + 1 {
		<-history.asked
	}
	for range wait + 5 {
		if code := <-done; code != http.StatusOK {
			t.Errorf("one that had its turn: %d", code)
		}
	}
}

// TestTwentyLookBackAtOnce: twenty requests of one subject at once, each for several moments, wait
// for their turns and are all answered, as one after another is.
func TestTwentyLookBackAtOnce(t *testing.T) {
	t.Parallel()
	b := setupHistory(t, func(cfg *httpapi.Config) { cfg.Limits.PerToken = -1 })
	b.lax = true // it reads only what the others write
	const askers, registrations, moments = 20, 300, 10
	facts := campaign("evt-1", "store-1")
	for n := range registrations {
		facts = append(facts, &events.ParticipantRegistered{Campaign: "evt-1", Participant: fmt.Sprint("p-", n)})
	}
	b.fold(t, facts...)
	ask := func(m int) string {
		w := b.do(t, http.MethodGet, fmt.Sprint("/api/events/evt-1/analytics?asOf=", 1+m*(len(facts)-1)/moments))
		return fmt.Sprint(w.Code, w.Body)
	}
	var asking sync.WaitGroup
	got := make([][moments]string, askers)
	for i := range got {
		asking.Go(func() {
			for m := range moments {
				m = (m*(i+1) + i) % moments
				got[i][m] = ask(m)
			}
		})
	}
	asking.Wait()
	for m := range moments {
		want := ask(m)
		for i := range got {
			if got[i][m] != "" && got[i][m] != want || !strings.HasPrefix(want, "200") {
				t.Fatalf("asker %d, moment %d: %.200s, want %.200s", i, m, got[i][m], want)
			}
		}
	}
}
