package httpapi_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"jangbu/events"
)

// TestListIsAsked: a list has an entity tag, which changes with what it shows, is compressed, and
// HEAD says how long it is.
func TestListIsAsked(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for n := range 20 {
		b.fold(t, campaign(events.Campaign(fmt.Sprintf("evt-%d", n)), "store-1")...)
	}
	for _, target := range []string{"/api/stores/store-1/events", "/api/events/evt-1/analytics/evidence"} {
		w := b.do(t, http.MethodGet, target)
		tag := w.Header().Get("ETag")
		if w.Code != http.StatusOK || tag == "" || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			t.Fatalf("%s: %d, %v, of %d bytes", target, w.Code, w.Header(), w.Body.Len())
		}
		if again := b.do(t, http.MethodGet, target, "If-None-Match: "+tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 || again.Header().Get("ETag") != tag {
			t.Errorf("%s with its tag: %d, %v", target, again.Code, again.Header())
		}
		if other := b.do(t, http.MethodGet, target+"?limit=2", "If-None-Match: "+tag); other.Code != http.StatusOK && strings.Contains(target, "stores") {
			t.Errorf("%s, of another length, with its tag: %d", target, other.Code)
		}
		head := b.do(t, http.MethodHead, target)
		for _, name := range []string{"Content-Type", "Content-Length", "ETag", "Cache-Control", "Vary"} {
			if head.Header().Get(name) != w.Header().Get(name) || head.Body.Len() > 0 {
				t.Errorf("HEAD %s: %s is %q, of GET %q; %d bytes", target, name, head.Header().Get(name), w.Header().Get(name), head.Body.Len())
			}
		}
	}
	target := "/api/stores/store-1/events"
	plain := b.do(t, http.MethodGet, target)
	zipped := b.do(t, http.MethodGet, target, "Accept-Encoding: gzip")
	if zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Body.Len() > plain.Body.Len()/4 || zipped.Header().Get("ETag") != plain.Header().Get("ETag") {
		t.Errorf("compressed: %v, %d bytes of %d", zipped.Header(), zipped.Body.Len(), plain.Body.Len())
	}
	z, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != plain.Body.String() {
		t.Errorf("decompressed: %v, %s", err, text)
	}
	b.fold(t, &events.ParticipantRegistered{Campaign: "evt-1", Participant: "p-2", Channel: "naver"})
	if now := b.do(t, http.MethodGet, target, "If-None-Match: "+plain.Header().Get("ETag")); now.Code != http.StatusOK {
		t.Errorf("after a change, with the tag before: %d", now.Code)
	}
}

// TestEachPageCanBeAsked: with the longest titles, ids and filters, in characters that are long in
// an address, each page leads to the next, and none is beyond the bound of an address.
func TestEachPageCanBeAsked(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const campaigns = 7
	title := strings.Repeat("𠮷", events.MaxTextRunes)
	for n := range campaigns {
		id := fmt.Sprintf("%s%d", strings.Repeat(`"`, events.MaxIDBytes-1), n)
		b.fold(t, &events.EventCreated{Campaign: events.Campaign(id), Shop: "store-1", Title: title, Objective: "x"})
	}
	for _, sort := range []string{"title", "eventId", "salesGrowthPercent"} {
		seen, query := make(map[string]bool), url.Values{"sort": {sort}, "order": {"desc"}, "limit": {"2"}, "tz": {"Asia/Seoul"}, "title": {strings.Repeat("𠮷", 64)}}
		for pages := 1; ; pages++ {
			w := b.do(t, http.MethodGet, "/api/stores/store-1/events?"+query.Encode())
			if w.Code != http.StatusOK {
				t.Fatalf("by %s, page %d, with an address of %d bytes: %d %s", sort, pages, len(query.Encode()), w.Code, w.Body)
			}
			var page struct {
				Events []struct{ EventID string }
				Next   *string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				seen[e.EventID] = true
			}
			if page.Next == nil {
				break
			}
			query.Set("cursor", *page.Next)
		}
		if len(seen) != campaigns {
			t.Errorf("by %s: %d campaigns on all pages", sort, len(seen))
		}
	}
}
