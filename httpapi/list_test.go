package httpapi_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/readmodel"
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

// paged is a reader of which no list reads all campaigns of a shop.
type paged struct {
	readmodel.Reader
	t    *testing.T
	read atomic.Int64 // campaigns
}

func (p *paged) ShopCampaigns(context.Context, events.Shop, readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	p.t.Error("all campaigns of the shop are read")
	return nil, errors.New("too many")
}

func (p *paged) ShopPage(ctx context.Context, shop events.Shop, page readmodel.ShopPage, by readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	list, err := p.Reader.ShopPage(ctx, shop, page, by)
	p.read.Add(int64(len(list)))
	return list, err
}

// TestAPageIsReadAlone: in an order that a column has, a page reads its own campaigns and the first
// of the next, in both directions.
func TestAPageIsReadAlone(t *testing.T) {
	t.Parallel()
	reader := &paged{t: t}
	b := setup(t, func(cfg *httpapi.Config) { reader.Reader, cfg.Reader = cfg.Reader, reader })
	const campaigns, limit = 23, 5
	want := make([]string, campaigns)
	for n := range campaigns {
		want[n] = fmt.Sprintf("evt-%02d", n)
		b.fold(t, campaign(events.Campaign(want[n]), "store-1")...)
	}
	b.fold(t, campaign("evt-03-of-another", "store-2")...)
	// Each has as many participants as the others, and was updated with the others or after them.
	for _, order := range []string{"asc", "desc", "asc&sort=totalParticipants", "desc&sort=totalParticipants", "asc&sort=updatedAt"} {
		var got []string
		for cursor := ""; ; {
			before := reader.read.Load()
			w := b.do(t, http.MethodGet, fmt.Sprintf("/api/stores/store-1/events?order=%s&limit=%d&cursor=%s", order, limit, cursor))
			var page struct {
				Events []struct{ EventID string }
				Next   *string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
				t.Fatalf("%d %s, %v", w.Code, w.Body, err)
			}
			if read := reader.read.Load() - before; read > limit+1 {
				t.Errorf("%d campaigns were read for a page of %d", read, limit)
			}
			for _, e := range page.Events {
				got = append(got, e.EventID)
			}
			if page.Next == nil {
				break
			}
			cursor = *page.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", order, got, want)
		}
		if order == "asc" || order == "desc" {
			slices.Reverse(want) // to the order of ids, which is that of equal ones
		}
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
