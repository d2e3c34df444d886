package httpapi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/tmaxmax/go-sse"

	"jangbu/events"
	"jangbu/events/sqlitelog"
	"jangbu/httpapi"
	"jangbu/httpapi/auth"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
	"jangbu/readmodel/sqliterows"
)

func noon() time.Time { return time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC) } // in Seoul

// bundle is an API over rows on SQLite, and what it takes to change them.
type bundle struct {
	*httpapi.API
	store    *counted
	contract *openapi3.T
	router   routers.Router
	token    string // sent where a request has none
	lax      bool   // responses are not checked by the contract

	log      *sqlitelog.Log // of the folded events; nil where the test has no history
	at       []readmodel.Checkpoint
	lease    readmodel.Lease
	position events.Position
	rows     *readmodel.Rows
}

// counted counts the reads of a store.
type counted struct {
	*sqliterows.Store
	reads  atomic.Int64
	broken atomic.Bool // reads of campaigns fail
}

func (c *counted) Campaign(ctx context.Context, campaign events.Campaign, by readmodel.Scope) (readmodel.CampaignRows, error) {
	c.reads.Add(1)
	if c.broken.Load() {
		return readmodel.CampaignRows{}, errors.New("broken")
	}
	return c.Store.Campaign(ctx, campaign, by)
}

const (
	testSecret = "a secret of at least 32 bytes, known to two"
	issuerName = "https://issuer.example"
	audience   = "jangbu"
)

// theSecret is the one that signs tokens.
func theSecret() auth.Secret { return auth.Secret{Text: []byte(testSecret)} }

// setup makes an API that nothing is known to yet; change may change its
// configuration.
func setup(t testing.TB, change func(*httpapi.Config)) *bundle {
	t.Helper()
	inner, err := sqliterows.Open(t.Context(), filepath.Join(t.TempDir(), "rows.db"), projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inner.Close() })
	b := &bundle{store: &counted{Store: inner}, contract: contract(t), rows: readmodel.NewRows(projections.Tables(projections.All())...)}
	if b.router, err = gorillamux.NewRouter(b.contract); err != nil {
		t.Fatal(err)
	}
	var wanted []readmodel.Checkpoint
	for _, p := range projections.All() {
		wanted = append(wanted, readmodel.Checkpoint{Projection: p.Name(), Version: p.Version})
	}
	if b.at, err = inner.Register(t.Context(), wanted); err != nil {
		t.Fatal(err)
	}
	var ok bool
	if b.lease, ok, err = inner.Acquire(t.Context(), "test", "test", time.Hour); err != nil || !ok {
		t.Fatalf("acquire: %v, %v", ok, err)
	}
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	cfg := httpapi.Config{
		Reader: b.store, Now: noon, Location: seoul, Logger: slog.New(slog.DiscardHandler),
		Limits: httpapi.Limits{PerToken: -1, PerShop: -1, PerAddress: -1},
	}
	if cfg.Auth, err = auth.New(t.Context(), auth.Config{
		Secrets: []auth.Secret{theSecret()}, Issuer: issuerName, Audience: audience, Now: noon, Logger: cfg.Logger,
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cfg.Auth.Close)
	if change != nil {
		change(&cfg)
	}
	if b.API, err = httpapi.New(cfg); err != nil {
		t.Fatal(err)
	}
	b.token = mint(t, auth.Identity{Subject: "analyst", Role: auth.Analyst})
	return b
}

// setupHistory is setup of an API that looks back.
func setupHistory(t testing.TB, change func(*httpapi.Config)) *bundle {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	b := setup(t, func(cfg *httpapi.Config) {
		cfg.History, cfg.Evidence = &replay.History{Log: log, Projections: projections.All()}, replay.Evidence{Log: log}
		change(cfg)
	})
	b.log = log
	return b
}

// mint signs a token of an hour.
func mint(t testing.TB, caller auth.Identity) string {
	t.Helper()
	token, err := caller.Sign(theSecret(), issuerName, audience, noon().Add(-time.Minute), noon().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func owner(shops ...events.Shop) auth.Identity {
	return auth.Identity{Subject: "owner-of-" + fmt.Sprint(shops), Role: auth.Owner, Shops: shops}
}

// fold folds events onto the rows and commits them.
func (b *bundle) fold(t testing.TB, facts ...events.Event) {
	t.Helper()
	b.foldAt(t, noon(), facts...)
}

// foldAt folds events that were recorded at a time. A withdrawal needs a history.
func (b *bundle) foldAt(t testing.TB, at time.Time, facts ...events.Event) {
	t.Helper()
	advances := make([]readmodel.Advance, len(b.at))
	for i, c := range b.at {
		advances[i] = readmodel.Advance{Checkpoint: c, To: c.Position + events.Position(len(facts))}
	}
	recorded := make([]events.Recorded, len(facts))
	for i, fact := range facts {
		b.position++
		occurred := noon()
		if r, ok := fact.(*events.ParticipantRegistered); ok && !r.RegisteredAt.IsZero() {
			occurred = r.RegisteredAt
		}
		recorded[i] = events.Recorded{Position: b.position, Digest: events.DigestOf(fact), OccurredAt: occurred, RecordedAt: at, Event: fact}
		binary.BigEndian.PutUint64(recorded[i].ID[:], uint64(b.position))
		recorded[i].Origin = originAt(b.position)
	}
	projections.Fold(b.rows, projections.All(), events.Withdrawn(nil).InEffect(recorded))
	if b.log != nil {
		if err := b.log.Restore(t.Context(), recorded, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, fact := range facts {
		if w, ok := fact.(*events.EventsWithdrawn); ok {
			anew, err := replay.Campaign(t.Context(), b.log, projections.All(), w.Campaign, 0, b.position)
			if err != nil {
				t.Fatal(err)
			}
			b.rows.Replace(map[events.Campaign]*readmodel.Rows{w.Campaign: anew})
		}
	}
	if _, err := b.store.Commit(t.Context(), b.lease, advances, b.rows); err != nil {
		t.Fatal(err)
	}
	for i := range b.at {
		b.at[i].Position = advances[i].To
	}
}

// originAt is the record that the event at a position came from; every third came from none.
func originAt(p events.Position) events.Origin {
	if p%3 == 0 {
		return events.Origin{}
	}
	return events.Origin{Topic: "a-topic", Partition: int32(p % 2), Offset: 1000 + int64(p)}
}

// campaign are three facts about a campaign.
func campaign(id events.Campaign, shop events.Shop) []events.Event {
	views := int64(2000)
	return []events.Event{
		&events.EventCreated{Campaign: id, Shop: shop, Title: "개업 <이벤트>", Objective: "신규 고객"},
		&events.ParticipantRegistered{Campaign: id, Participant: "p-1", Channel: "naver"},
		&events.ChannelStatsFetched{Campaign: id, Channel: events.Naver, FetchedAt: noon(), Views: &views},
	}
}

// contract is the document that is served, as strict about members as a document
// for clients must not be.
func contract(t testing.TB) *openapi3.T {
	t.Helper()
	text, err := httpapi.Contract()
	if err != nil {
		t.Fatal(err)
	}
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(text)
	if err != nil {
		t.Fatalf("load the contract: %v", err)
	}
	for _, schema := range doc.Components.Schemas {
		if len(schema.Value.Properties) > 0 && schema.Value.AdditionalProperties.Has == nil {
			no := false
			schema.Value.AdditionalProperties.Has = &no
		}
	}
	return doc
}

// do makes a request and checks the response by the contract. Headers are lines of
// "Name: value"; without an Authorization the bundle's token is sent.
func (b *bundle) do(t testing.TB, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	r.Header.Set("Authorization", "Bearer "+b.token)
	for _, line := range headers {
		name, value, _ := bytes.Cut([]byte(line), []byte(": "))
		r.Header.Set(string(name), string(value))
	}
	if r.Header.Get("Authorization") == "none" {
		r.Header.Del("Authorization")
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(patient{w}, r)
	if !b.lax {
		b.judge(t, r, w.Code, w.Header(), w.Body.Bytes())
	}
	return w
}

// patient is a recorder of which a handler may demand that it be written to in time,
// as streams do.
type patient struct{ *httptest.ResponseRecorder }

func (patient) SetWriteDeadline(time.Time) error { return nil }

// judge fails the test for a response that the contract does not allow.
func (b *bundle) judge(t testing.TB, r *http.Request, status int, header http.Header, body []byte) {
	t.Helper()
	for _, name := range []string{"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Resource-Policy", "X-Frame-Options"} {
		if header.Get(name) == "" {
			t.Errorf("%s %s: no %s", r.Method, r.URL, name)
		}
	}
	if status != http.StatusNotModified && header.Get("Cache-Control") == "" {
		t.Errorf("%s %s: no Cache-Control", r.Method, r.URL)
	}
	if header.Get("Content-Encoding") != "" || r.Method == http.MethodHead {
		return
	}
	route, params, err := b.router.FindRoute(r)
	if err != nil { // no route of the contract: only a problem can be the response
		var value any
		if err := json.Unmarshal(body, &value); err != nil || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %v: %s", r.Method, r.URL, err, body)
		} else if err := b.contract.Components.Schemas["Problem"].Value.VisitJSON(value); err != nil {
			t.Errorf("%s %s: the problem breaks the contract: %v", r.Method, r.URL, err)
		}
		return
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 status, Header: header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true,
			ExcludeResponseBody:   !strings.HasSuffix(header.Get("Content-Type"), "json"), // there is no schema of it
		},
	}
	if header.Get("Content-Type") == "text/event-stream" {
		for e, err := range sse.Read(bytes.NewReader(body), nil) {
			if err != nil {
				t.Errorf("%s %s: %v: %s", r.Method, r.URL, err, body)
			} else if e.Type != "" {
				b.judgeEvent(t, e)
			}
		}
	}
	if err := openapi3filter.ValidateResponse(t.Context(), input); err != nil {
		t.Errorf("%s %s: the response breaks the contract: %v\n%s", r.Method, r.URL, err, body)
	}
}

// judgeEvent fails the test for an event of a stream that is none of the contract.
func (b *bundle) judgeEvent(t testing.TB, e sse.Event) {
	t.Helper()
	event := map[string]any{"event": e.Type}
	if e.Type != "beat" { // the id is the last view's
		event["id"] = e.LastEventID
	}
	var data any
	if err := json.Unmarshal([]byte(e.Data), &data); err != nil {
		t.Errorf("a stream's event: %v: %s", err, e.Data)
	}
	event["data"] = data
	if err := b.contract.Components.Schemas["StreamEvent"].Value.VisitJSON(event); err != nil {
		t.Errorf("a stream's event breaks the contract: %v: %s %s", err, e.Type, e.Data)
	}
}

// fresh is a freshness that tests decide on.
type fresh struct {
	current atomic.Bool

	before  func() // called before the first Watch returns; may be nil
	mu      sync.Mutex
	watched map[events.Campaign][]chan struct{}
}

func (f *fresh) Current(events.Campaign, readmodel.Revision) bool { return f.current.Load() }

func (f *fresh) Watch(c events.Campaign) (<-chan struct{}, func()) {
	if f.before != nil {
		f.before()
	}
	changed := make(chan struct{}, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watched == nil {
		f.watched = make(map[events.Campaign][]chan struct{})
	}
	f.watched[c] = append(f.watched[c], changed)
	return changed, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watched, c)
	}
}

// changed notifies all watchers of a campaign.
func (f *fresh) changed(c events.Campaign) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ch := range f.watched[c] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

func (f *fresh) watching(c events.Campaign) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.watched[c])
}
