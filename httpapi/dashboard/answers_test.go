package dashboard_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"jangbu/httpapi/dashboard"
)

// answers is the page, and an API that answers as a test orders, by the contract of
// openapi.yaml. What it takes long to bring about in a service is at once brought about here.
type answers struct {
	*httptest.Server

	mu      sync.Mutex
	views   map[string]view  // by campaign
	lists   map[string][]any // cards, by shop
	streams map[*subscriber]bool
	most    int // streams at once
	asked   map[string]int
	delayed any
	frozen  chan struct{} // nil, or closed when the server goes on
	refuse  func(r *http.Request) int
	cut     chan struct{} // closed to end all streams
}

type view map[string]any

type subscriber struct {
	id     string
	events chan string
}

// freshToken is what the platform's own address answers to a page that renews.
const freshToken = "fresh.e30.x"

// answering starts it, with no door or the one given.
func answering(t testing.TB, door ...dashboard.Door) *answers {
	t.Helper()
	p, err := dashboard.New(append(door, dashboard.Door{})[0])
	if err != nil {
		t.Fatal(err)
	}
	a := &answers{views: map[string]view{}, lists: map[string][]any{}, streams: map[*subscriber]bool{}, asked: map[string]int{}, cut: make(chan struct{})}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /{$}", p.Index)
	routes.HandleFunc("POST /renew", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintf(w, `{"token": %q}`, freshToken) })
	routes.HandleFunc("GET /assets/{version}/{file}", func(w http.ResponseWriter, r *http.Request) {
		p.Asset(w, r, r.PathValue("version"), r.PathValue("file"))
	})
	routes.HandleFunc("GET /api/events/{id}/analytics", a.api(a.analytics))
	routes.HandleFunc("GET /api/events/{id}/analytics/stream", a.api(a.stream))
	routes.HandleFunc("GET /api/stores/{id}/events", a.api(a.list))
	a.Server = httptest.NewServer(routes)
	t.Cleanup(func() { a.thaw(); a.CloseClientConnections(); a.Close() })
	return a
}

// api counts the requests, refuses them, or lets them wait.
func (a *answers) api(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.asked[r.URL.RequestURI()]++
		frozen, refuse := a.frozen, a.refuse
		a.mu.Unlock()
		if frozen != nil {
			select {
			case <-frozen:
			case <-r.Context().Done():
				return
			}
		}
		if refuse != nil {
			if status := refuse(r); status != 0 {
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, `{"type": "urn:jangbu:problem:other", "title": "no", "status": %d}`, status)
				return
			}
		}
		serve(w, r)
	}
}

func etagOf(v view) string { return fmt.Sprintf(`W/"%v"`, v["position"]) }

func (a *answers) analytics(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	v, ok := a.views[r.PathValue("id")]
	body, _ := json.Marshal(v)
	a.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("ETag", etagOf(v))
	if r.Header.Get("If-None-Match") == etagOf(v) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	zipped(w, body)
}

// zipped writes JSON as the API does, compressed.
func zipped(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = z.Write(body)
	_ = z.Close()
}

func (a *answers) list(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	cards, ok := a.lists[r.PathValue("id")]
	a.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	body, _ := json.Marshal(map[string]any{"storeId": r.PathValue("id"), "events": cards, "next": nil})
	zipped(w, body)
}

func (a *answers) stream(w http.ResponseWriter, r *http.Request) {
	s := &subscriber{id: r.PathValue("id"), events: make(chan string, 100)}
	a.mu.Lock()
	v, ok := a.views[s.id]
	if ok {
		if r.Header.Get("Last-Event-ID") != etagOf(v) {
			s.events <- event("dashboard", etagOf(v), v)
		}
		s.events <- beat(a.delayed)
		a.streams[s] = true
		a.most = max(a.most, len(a.streams))
	}
	cut := a.cut
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.streams, s)
	}()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	every := time.NewTicker(5 * time.Second)
	defer every.Stop()
	for {
		var e string
		select {
		case e = <-s.events:
		case <-every.C:
			a.mu.Lock()
			e = beat(a.delayed)
			a.mu.Unlock()
		case <-cut:
			return
		case <-r.Context().Done():
			return
		}
		a.mu.Lock()
		frozen := a.frozen
		a.mu.Unlock()
		if frozen != nil {
			select {
			case <-frozen:
			case <-r.Context().Done():
				return
			}
		}
		_, _ = fmt.Fprint(w, e)
		w.(http.Flusher).Flush()
	}
}

func event(name, id string, data any) string {
	body, _ := json.Marshal(data)
	if id != "" {
		id = "id: " + id + "\n"
	}
	return "event: " + name + "\n" + id + "data: " + string(body) + "\n\n"
}

func beat(delayed any) string {
	return event("beat", "", map[string]any{"at": time.Now().Format(time.RFC3339), "delayed": delayed})
}

// set sets a campaign's view, and tells those who watch it by a patch or the whole view.
func (a *answers) set(v view, patch view) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := v["eventId"].(string)
	a.views[id] = v
	e := event("dashboard", etagOf(v), v)
	if patch != nil {
		e = event("patch", etagOf(v), patch)
	}
	for s := range a.streams {
		if s.id == id {
			s.events <- e
		}
	}
}

// delay says that the numbers are late, or are not (nil).
func (a *answers) delay(delayed any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.delayed = delayed
	for s := range a.streams {
		s.events <- beat(delayed)
	}
}

func (a *answers) freeze() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.frozen = make(chan struct{})
}

func (a *answers) thaw() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.frozen != nil {
		close(a.frozen)
	}
	a.frozen = nil
}

// refusing refuses the API's requests from now on, and ends the streams: as where a right
// has ended.
func (a *answers) refusing(how func(r *http.Request) int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse = how
	close(a.cut)
	a.cut = make(chan struct{})
}

func (a *answers) open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.streams)
}

// watched is a campaign's view with so many participants, in a state.
func watched(id, state string, participants, position int) view {
	day := func(d int) string { return time.Now().AddDate(0, 0, d).Format(time.RFC3339) }
	starts, ends := day(-10), day(15)
	switch state {
	case "planned":
		starts, ends = day(5), day(20)
	case "ended":
		starts, ends = day(-40), day(-10)
	}
	heat := make([][]int, 7)
	for i := range heat {
		heat[i] = make([]int, 24)
	}
	heat[2][14] = participants
	sentence := map[string]any{"template": "running", "slots": map[string]string{}, "ko": "어제 23명이 참여했습니다.", "en": "23 took part yesterday.", "reasons": []any{}}
	return view{
		"eventId": id, "storeId": "store-1", "title": "가을 감사 이벤트", "objective": "신규 고객 유치", "startsAt": starts, "endsAt": ends, "state": state, "position": position, "updatedAt": day(0),
		"summary":   map[string]any{"totalParticipants": participants, "totalExposure": 12_000, "roiPercent": 35.5, "salesGrowthPercent": 12.5, "costPerParticipant": 4521, "totalCost": 4521 * participants, "missing": []string{}},
		"economics": map[string]any{"prizeCost": 1_000_000, "platformCost": 200_000, "distributionCost": 0, "totalCost": 1_200_000, "salesIncrease": 1_000_000, "baselineSales": 24_000_000, "newCustomers": 3, "newCustomerLtv": 50_000, "expectedRevenue": 1_626_000, "breakEvenNewCustomers": 0},
		"channels": []any{map[string]any{
			"channel": "naver", "distributedAt": day(-9), "impressions": 12_000, "views": nil, "clicks": 300, "likes": nil, "comments": nil, "shares": nil, "exposure": 12_000, "participants": participants,
			"conversionPercent": 0.5, "conversionOf": "exposure", "status": "fresh", "fetchedAt": day(0), "cost": nil, "costPerParticipant": nil,
		}},
		"trend": []any{map[string]any{"from": day(-1), "participants": participants}}, "interval": "day", "outside": map[string]any{"before": 0, "after": 0},
		"profile": map[string]any{"gender": map[string]int{"female": participants}, "ageGroup": map[string]int{}, "region": map[string]int{}, "customer": map[string]int{}},
		"heat":    heat, "best": map[string]any{"day": nil, "hourOfDay": nil, "channel": nil}, "comparison": nil, "goal": nil, "digest": sentence,
	}
}

// cardOf is the n-th campaign of a list: one is planned, one in four running, the others
// have ended.
func cardOf(n int) map[string]any {
	state := []string{"ended", "running", "ended", "ended"}[n%4]
	if n == 4 {
		state = "planned"
	}
	v := watched(fmt.Sprintf("evt-%03d", n), state, 7*n, n+1)
	v["title"] = fmt.Sprintf("%s 감사 이벤트 %d", []string{"봄", "여름", "가을", "겨울"}[n%4], n)
	return cardFrom(v)
}

// cardFrom is the card of a campaign.
func cardFrom(v view) map[string]any {
	card := map[string]any{}
	for _, name := range []string{"eventId", "storeId", "title", "objective", "startsAt", "endsAt", "state", "position", "updatedAt", "summary"} {
		card[name] = v[name]
	}
	return card
}
