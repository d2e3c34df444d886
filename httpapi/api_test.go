package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/httpapi"
)

func TestAnalytics(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fold(t, campaign("evt-1", "store-1")...)
	w := b.do(t, http.MethodGet, "/api/events/evt-1/analytics")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "private, no-cache" {
		t.Fatalf("status %d, header %v: %s", w.Code, w.Header(), w.Body)
	}
	for _, want := range []string{
		`"eventId":"evt-1","storeId":"store-1"`, `"position":3,"updatedAt":"2026-11-23T12:00:00+09:00"`,
		`"totalParticipants":1,"totalExposure":2000,"roiPercent":null`, `"conversionPercent":0.05,"conversionOf":"exposure","status":"fresh"`,
		`"trend":[{"from":"2026-11-23T12:00:00+09:00","participants":1}]`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	head := b.do(t, http.MethodHead, "/api/events/evt-1/analytics")
	if head.Code != http.StatusOK || head.Body.Len() > 0 || head.Header().Get("Content-Length") != w.Header().Get("Content-Length") {
		t.Errorf("HEAD: status %d, %d bytes, header %v", head.Code, head.Body.Len(), head.Header())
	}
}

func TestStatusFollowsThePollInterval(t *testing.T) {
	t.Parallel()
	for want, interval := range map[string]func(time.Duration) time.Duration{
		`"status":"stale"`: nil, // a minute
		`"status":"fresh"`: func(time.Duration) time.Duration { return 2 * time.Minute },
	} {
		b := setup(t, func(cfg *httpapi.Config) {
			cfg.Now = func() time.Time { return noon().Add(5 * time.Minute) }
			cfg.PollInterval = interval
		})
		b.fold(t, campaign("evt-1", "store-1")...)
		if w := b.do(t, http.MethodGet, "/api/events/evt-1/analytics"); !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
}

func TestAnalyticsView(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fold(t, campaign("evt-1", "store-1")...)
	for query, want := range map[string]string{
		"?tz=America/New_York":                               `"trend":[{"from":"2026-11-22T22:00:00-05:00"`,
		"?interval=day":                                      `"trend":[{"from":"2026-11-23T00:00:00+09:00"`,
		"?interval=day&tz=America/New_York":                  `"trend":[{"from":"2026-11-22T00:00:00-05:00"`,
		"?from=2026-11-23T04:00:00Z":                         `"trend":[]`,
		"?to=2026-11-23T12:00:00%2B09:00":                    `"trend":[]`,
		"?from=2026-11-23T03:00:00Z&to=2026-11-23T03:00:01Z": `"trend":[{"from":"2026-11-23T12:00:00+09:00"`,
	} {
		if w := b.do(t, http.MethodGet, "/api/events/evt-1/analytics"+query); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: status %d, no %s in %s", query, w.Code, want, w.Body)
		}
	}
}

func TestHostileCampaign(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fold(t, campaign("evt/1?가 &", "store-1")...)
	if w := b.do(t, http.MethodGet, "/api/events/evt%2F1%3F%EA%B0%80%20&/analytics"); w.Code != http.StatusOK {
		t.Errorf("an id with a slash: status %d: %s", w.Code, w.Body)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fold(t, campaign("evt-1", "store-1")...)
	for _, test := range []struct {
		method, target string
		status         int
		kind, detail   string
	}{
		{http.MethodGet, "/api/events/none/analytics", 404, "campaign-not-found", ""},
		{http.MethodGet, "/api/events/none/analytics/stream", 404, "campaign-not-found", ""},
		{http.MethodGet, "/api/events/%FF/analytics", 404, "campaign-not-found", ""},
		{http.MethodGet, "/api/events/a%00b/analytics", 404, "campaign-not-found", ""},
		{http.MethodGet, "/api/events/" + strings.Repeat("x", 201) + "/analytics", 404, "campaign-not-found", ""},
		{http.MethodGet, "/api/stores/" + strings.Repeat("x", 201) + "/events", 404, "store-not-found", ""},
		{http.MethodGet, "/api/nothing", 404, "no-such-resource", ""},
		{http.MethodGet, "/metrics", 404, "no-such-resource", ""},
		{http.MethodGet, "/healthz", 404, "no-such-resource", ""},
		{http.MethodGet, "/readyz", 404, "no-such-resource", ""},
		{http.MethodPost, "/api/events/evt-1/analytics", 405, "method-not-allowed", ""},
		{http.MethodGet, "/api/events/evt-1/analytics?tz=Mars/Olympus", 400, "bad-request", "tz: expected an IANA time zone"},
		{http.MethodGet, "/api/events/evt-1/analytics?tz=", 400, "bad-request", "tz: "},
		{http.MethodGet, "/api/events/evt-1/analytics?tz=../../etc/passwd", 400, "bad-request", "tz: "},
		{http.MethodGet, "/api/events/evt-1/analytics?tz=Asia/Kolkata", 400, "bad-request", "whole hours"},
		{http.MethodGet, "/api/events/evt-1/analytics?interval=minute", 400, "bad-request", "expected hour, day, week or month"},
		{http.MethodGet, "/api/events/evt-1/analytics?interval=", 400, "bad-request", "expected hour, day, week or month"},
		{http.MethodGet, "/api/events/evt-1/analytics?interval=day&interval=hour", 400, "bad-request", "interval: is there more than once"},
		{http.MethodGet, "/api/events/evt-1/analytics?tz=%zz", 400, "bad-request", "query string"},
		{http.MethodGet, "/api/events/evt-1/analytics?timezone=UTC", 400, "bad-request", "expected any of tz, interval, from, to"},
		{http.MethodGet, "/api/events/evt-1/analytics?from=yesterday", 400, "bad-request", "from: expected an RFC 3339 time"},
		{http.MethodGet, "/api/events/evt-1/analytics?from=2026-11-23T10:00:00Z&to=2026-11-23T09:00:00Z", 400, "bad-request", ""},
		{http.MethodGet, "/api/events/evt-1/analytics?tz=" + strings.Repeat("x", 2048), 400, "bad-request", "longer than 2048 bytes"},
		{http.MethodGet, "/api/stores/store-1/events?sort=weight", 400, "bad-request", "expected one of"},
		{http.MethodGet, "/api/stores/store-1/events?order=up", 400, "bad-request", "order: expected asc or desc"},
		{http.MethodGet, "/api/stores/store-1/events?limit=0", 400, "bad-request", "limit: "},
		{http.MethodGet, "/api/stores/store-1/events?limit=201", 400, "bad-request", "limit"},
		{http.MethodGet, "/api/stores/store-1/events?limit=many", 400, "bad-request", "limit: "},
		{http.MethodGet, "/api/stores/store-1/events?cursor=nonsense", 400, "bad-request", "cursor: "},
	} {
		w := b.do(t, test.method, test.target)
		var p struct{ Type, Title, Detail string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Errorf("%s: %v: %s", test.target, err, w.Body)
		}
		if w.Code != test.status || p.Type != "urn:jangbu:problem:"+test.kind || p.Title == "" || !strings.Contains(p.Detail, test.detail) {
			t.Errorf("%s %s: status %d, problem %+v", test.method, test.target, w.Code, p)
		}
		if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: type %q", test.target, got)
		}
		if test.status == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
			t.Errorf("%s: no Allow header", test.target)
		}
	}
}

// TestEntityTags: a client that has what is shown is told so, and any change of
// what is shown changes the tag.
func TestEntityTags(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fold(t, campaign("evt-1", "store-1")...)
	const target = "/api/events/evt-1/analytics"
	first := b.do(t, http.MethodGet, target)
	tag := first.Header().Get("ETag")
	if !strings.HasPrefix(tag, `W/"`) {
		t.Fatalf("the tag is %q", tag)
	}
	for _, held := range []string{tag, strings.TrimPrefix(tag, "W/"), "*", `"other", ` + tag} {
		if w := b.do(t, http.MethodGet, target, "If-None-Match: "+held); w.Code != http.StatusNotModified || w.Body.Len() > 0 || w.Header().Get("ETag") != tag {
			t.Errorf("If-None-Match %s: status %d, %d bytes", held, w.Code, w.Body.Len())
		}
	}
	for _, held := range []string{`"other"`, `W/"other", "another"`, ""} {
		if w := b.do(t, http.MethodGet, target, "If-None-Match: "+held); w.Code != http.StatusOK {
			t.Errorf("If-None-Match %s: status %d", held, w.Code)
		}
	}
	if again := b.do(t, http.MethodGet, target); again.Header().Get("ETag") != tag {
		t.Error("the same view has another tag")
	}
	for _, other := range []string{"?tz=UTC", "?interval=day"} {
		if w := b.do(t, http.MethodGet, target+other); w.Header().Get("ETag") == tag {
			t.Errorf("%s has the same tag", other)
		}
	}
	b.fold(t, &events.ParticipantRegistered{Campaign: "evt-1", Participant: "p-2"})
	if w := b.do(t, http.MethodGet, target, "If-None-Match: "+tag); w.Code != http.StatusOK || w.Header().Get("ETag") == tag {
		t.Errorf("after a change: status %d, tag %s", w.Code, w.Header().Get("ETag"))
	}
}

// TestPrivateAnswers: what a route answers to one caller is kept by no cache for another one.
func TestPrivateAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fold(t, campaign("evt-1", "store-1")...)
	for _, route := range b.Routes() {
		if route.Public || route.Name == "streamAnalytics" { // a stream is not stored at all
			continue
		}
		target := strings.NewReplacer("{id}", "evt-1", "{storeId}", "store-1").Replace(route.Path)
		w := b.do(t, http.MethodGet, target)
		vary := strings.Join(w.Header().Values("Vary"), ", ")
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: status %d, Cache-Control %q", target, w.Code, w.Header().Get("Cache-Control"))
		}
		for _, name := range []string{"Authorization", "Cookie", "Accept-Encoding"} {
			if !strings.Contains(vary, name) {
				t.Errorf("%s varies with %q, want also %s", target, vary, name)
			}
		}
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fold(t, campaign("evt-1", "store-1")...)
	for _, region := range []string{"서울", "부산", "대구", "인천", "광주", "대전", "울산", "세종"} {
		b.fold(t, &events.ParticipantRegistered{Campaign: "evt-1", Participant: region, Region: region, Gender: region, AgeGroup: region})
	}
	const target = "/api/events/evt-1/analytics"
	plain := b.do(t, http.MethodGet, target)
	for accept, want := range map[string]bool{
		"gzip": true, "deflate, gzip;q=0.5, br": true, "*": true, "GZIP": true,
		"": false, "br": false, "gzip;q=0": false, "identity": false, "gzip;q=nonsense": false,
		"gzip;q=0, *": false, "*, gzip;q=0": false, "*;q=0, gzip": true, "gzip;q=0.000": false, "gzip; Q=0": false, "gzip ; q=0.001": true,
		"gzip;q=2": false, "*;q=0": false, "identity;q=0, *": true,
	} {
		w := b.do(t, http.MethodGet, target, "Accept-Encoding: "+accept)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != want || !strings.Contains(w.Header().Get("Vary"), "Accept-Encoding") {
			t.Errorf("Accept-Encoding %q: compressed: %t", accept, got)
		}
		if !want {
			continue
		}
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(body, plain.Body.Bytes()) {
			t.Errorf("Accept-Encoding %q: %v: %s", accept, err, body)
		}
	}
}

// TestAnswersAreKept: what is current is not read again, what is not is, and a
// figure becomes stale by itself.
func TestAnswersAreKept(t *testing.T) {
	t.Parallel()
	f := &fresh{}
	var now atomic.Int64
	b := setup(t, func(cfg *httpapi.Config) {
		cfg.Freshness = f
		cfg.Now = func() time.Time { return noon().Add(time.Duration(now.Load())) }
	})
	b.fold(t, campaign("evt-1", "store-1")...)
	b.fold(t, &events.DistributionCompleted{Campaign: "evt-1", Channels: []events.Distribution{{Channel: events.Naver}}, CompletedAt: noon()})
	const target = "/api/events/evt-1/analytics"
	get := func(reads int64, status string, headers ...string) {
		t.Helper()
		before := b.store.reads.Load()
		w := b.do(t, http.MethodGet, target, headers...)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"status":"`+status+`"`) {
			t.Errorf("status %d, not %s: %s", w.Code, status, w.Body)
		}
		if got := b.store.reads.Load() - before; got != reads {
			t.Errorf("%d reads of the rows, want %d", got, reads)
		}
	}
	get(1, "fresh")
	get(1, "fresh") // not known to be current
	f.current.Store(true)
	for range 3 {
		get(0, "fresh")
	}
	get(0, "fresh", "Authorization: Bearer "+mint(t, owner("store-1")))
	// A kept dashboard is not served to a caller that may not see it.
	if w := b.do(t, http.MethodGet, target, "Authorization: Bearer "+mint(t, owner("store-2"))); w.Code != http.StatusNotFound {
		t.Errorf("a foreign owner: status %d", w.Code)
	}
	now.Store(int64(3 * time.Minute))
	get(0, "fresh")
	now.Store(int64(3*time.Minute + time.Second))
	get(1, "stale")
	get(0, "stale")
	f.current.Store(false)
	get(1, "stale")
}

func TestListEvents(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for i := range 7 {
		id := events.Campaign(fmt.Sprintf("evt-%d", i))
		b.fold(t, campaign(id, "store-1")...)
		for p := range i {
			b.fold(t, &events.ParticipantRegistered{Campaign: id, Participant: fmt.Sprint("more-", p)})
		}
	}
	b.fold(t, campaign("evt-other", "store-2")...)
	var got []string
	target := "/api/stores/store-1/events?sort=totalParticipants&order=desc&limit=3"
	for pages := 0; ; pages++ {
		w := b.do(t, http.MethodGet, target)
		var page struct {
			Events []struct {
				EventID string                          `json:"eventId"`
				Summary struct{ TotalParticipants int } `json:"summary"`
			}
			Next *string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
			t.Fatalf("status %d: %v: %s", w.Code, err, w.Body)
		}
		for _, e := range page.Events {
			got = append(got, fmt.Sprintf("%s:%d", e.EventID, e.Summary.TotalParticipants))
		}
		if page.Next == nil {
			if pages != 2 {
				t.Errorf("%d pages", pages+1)
			}
			break
		}
		target = "/api/stores/store-1/events?sort=totalParticipants&order=desc&limit=3&cursor=" + url.QueryEscape(*page.Next)
	}
	if want := "evt-6:7 evt-5:6 evt-4:5 evt-3:4 evt-2:3 evt-1:2 evt-0:1"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	for query, want := range map[string]int{"": 7, "?title=" + url.QueryEscape("개업"): 7, "?title=none": 0} {
		w := b.do(t, http.MethodGet, "/api/stores/store-1/events"+query)
		if n := strings.Count(w.Body.String(), `"eventId"`); n != want {
			t.Errorf("%q: %d campaigns, want %d", query, n, want)
		}
	}
	// An own shop without campaigns is not an error.
	w := b.do(t, http.MethodGet, "/api/stores/store-9/events", "Authorization: Bearer "+mint(t, owner("store-9")))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"events":[]`) {
		t.Errorf("an empty shop: status %d: %s", w.Code, w.Body)
	}
}

func TestWithoutAuth(t *testing.T) {
	t.Parallel()
	b := setup(t, func(cfg *httpapi.Config) { cfg.Auth = nil })
	b.fold(t, campaign("evt-1", "store-1")...)
	if w := b.do(t, http.MethodGet, "/api/events/evt-1/analytics", "Authorization: none"); w.Code != http.StatusOK {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}
