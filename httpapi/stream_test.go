package httpapi_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/tmaxmax/go-sse"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/httpapi/auth"
	"jangbu/readmodel/readmodeltest"
)

// patience is how long a test waits for what should come within moments.
const patience = 10 * time.Second

// opened is an open stream.
type opened struct {
	b      *bundle
	status int
	header http.Header
	events chan sse.Event // closed at the stream's end
	body   io.ReadCloser
	shown  any   // the view, as patched so far
	err    error // what ended events, if it is no clean end; to be read after that
}

// open opens a campaign's stream over real HTTP.
func (b *bundle) open(t *testing.T, headers ...string) *opened {
	t.Helper()
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	client := server.Client()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/events/evt-1/analytics/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.token)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	s := &opened{b, res.StatusCode, res.Header, make(chan sse.Event), res.Body, nil, nil}
	if res.StatusCode == http.StatusOK {
		go func() {
			defer close(s.events)
			var body io.Reader = res.Body
			if res.Header.Get("Content-Encoding") == "gzip" {
				if body, s.err = gzip.NewReader(body); s.err != nil {
					return
				}
			}
			for event, err := range sse.Read(body, nil) {
				if err != nil {
					s.err = err
					return
				}
				select {
				case s.events <- event:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	return s
}

// next returns the next view of the stream, put together from what came.
func (s *opened) next(t *testing.T) (id string, participants int) {
	t.Helper()
	e := s.event(t)
	return e.LastEventID, s.participants(t, e)
}

// event returns the next event that is no beat.
func (s *opened) event(t *testing.T) sse.Event {
	t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case e, ok := <-s.events:
			if !ok {
				t.Fatal("the stream has ended")
			}
			if e.Type != "beat" {
				return e
			}
		case <-deadline:
			t.Fatal("no event")
		}
	}
}

// participants checks the view after an event, and returns how many participants it has.
func (s *opened) participants(t *testing.T, e sse.Event) int {
	t.Helper()
	var value any
	decoder := json.NewDecoder(strings.NewReader(e.Data))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("event %q: %v: %s", e.Type, err, e.Data)
	}
	switch e.Type {
	case "dashboard":
		s.shown = value
	case "patch":
		s.shown = readmodeltest.ApplyPatch(s.shown, value)
	default:
		t.Fatalf("event %q: %s", e.Type, e.Data)
	}
	whole, err := json.Marshal(s.shown)
	if err != nil {
		t.Fatal(err)
	}
	s.b.judgeEvent(t, sse.Event{Type: "dashboard", LastEventID: e.LastEventID, Data: string(whole)})
	var d struct {
		Summary struct{ TotalParticipants int } `json:"summary"`
	}
	if err := json.Unmarshal(whole, &d); err != nil {
		t.Fatal(err)
	}
	return d.Summary.TotalParticipants
}

// quiet fails the test for an event other than a beat within the time.
func (s *opened) quiet(t *testing.T, within time.Duration) {
	t.Helper()
	for deadline := time.After(within); ; {
		select {
		case e, ok := <-s.events:
			if !ok || e.Type != "beat" {
				t.Errorf("there is news: %v, %v", ok, e)
				return
			}
		case <-deadline:
			return
		}
	}
}

func (s *opened) ends(t *testing.T) {
	t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case _, ok := <-s.events:
			if !ok {
				return
			}
		case <-deadline:
			t.Fatal("the stream goes on")
		}
	}
}

func registered(n int) events.Event {
	return &events.ParticipantRegistered{Campaign: "evt-1", Participant: fmt.Sprint("q-", n)}
}

func TestStream(t *testing.T) {
	t.Parallel()
	f := &fresh{}
	b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness = f })
	b.fold(t, campaign("evt-1", "store-1")...)
	s := b.open(t)
	if s.status != http.StatusOK || s.header.Get("Content-Type") != "text/event-stream" || s.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d, header %v", s.status, s.header)
	}
	first, n := s.next(t)
	if n != 1 {
		t.Errorf("first view: %d participants", n)
	}
	if tag := b.do(t, http.MethodGet, "/api/events/evt-1/analytics").Header().Get("ETag"); tag != first {
		t.Errorf("its id is %s, the dashboard's tag %s", first, tag)
	}
	b.fold(t, registered(1))
	f.changed("evt-1")
	second, n := s.next(t)
	if n != 2 || second == first {
		t.Errorf("second view: %d participants, id %s", n, second)
	}
	// A signal without a change, or of another campaign, shows nothing.
	f.changed("evt-1")
	f.changed("evt-2")
	s.quiet(t, 600*time.Millisecond) // two pauses
	// Many changes come together, four times a second at most.
	start, views := time.Now(), 0
	for i := range 30 {
		b.fold(t, registered(10+i))
		f.changed("evt-1")
	}
	for n < 32 {
		_, n = s.next(t)
		views++
	}
	if most := 2 + int(time.Since(start)/(250*time.Millisecond)); views > most {
		t.Errorf("30 changes in %v came as %d views", time.Since(start), views)
	}
	_ = s.body.Close() // the client goes
	for deadline := time.Now().Add(patience); f.watching("evt-1") > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the campaign is still watched for a client that has gone")
		}
	}
}

// TestStreamShowsWhatIsLeft withdraws an event while its campaign is shown, and undoes that.
func TestStreamShowsWhatIsLeft(t *testing.T) {
	t.Parallel()
	f := &fresh{}
	b := setupHistory(t, func(cfg *httpapi.Config) { cfg.Freshness = f })
	b.fold(t, append(campaign("evt-1", "store-1"), registered(1), registered(2))...)
	s := b.open(t)
	for i, want := range []int{3, 2, 3} {
		if _, n := s.next(t); n != want {
			t.Errorf("view %d: %d participants, want %d", i+1, n, want)
		}
		b.fold(t, &events.EventsWithdrawn{Campaign: "evt-1", Positions: []events.Position{b.position}})
		f.changed("evt-1")
	}
}

func TestStreamGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	f := &fresh{}
	b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness = f })
	b.fold(t, campaign("evt-1", "store-1")...)
	first := b.open(t)
	id, _ := first.next(t)
	s := b.open(t, "Last-Event-ID: "+id)
	s.quiet(t, 300*time.Millisecond)
	s.shown = first.shown
	b.fold(t, registered(1))
	f.changed("evt-1")
	if _, n := s.next(t); n != 2 {
		t.Errorf("%d participants", n)
	}
	// One that comes back with the view before gets what has changed since.
	again := b.open(t, "Last-Event-ID: "+id)
	again.shown = first.shown
	e := again.event(t)
	if n := again.participants(t, e); n != 2 || e.Type != "patch" {
		t.Errorf("after a change: %d participants by %s", n, e.Type)
	}
	// One that has missed a view gets the whole one.
	b.fold(t, registered(2))
	f.changed("evt-1")
	s.next(t)
	missed := b.open(t, "Last-Event-ID: "+id)
	if e := missed.event(t); missed.participants(t, e) != 3 || e.Type != "dashboard" {
		t.Errorf("after two changes: %s", e.Type)
	}
}

// TestStreamMissesNothing: a change between the first read and the watch is in the first
// view, because it is never reported.
func TestStreamMissesNothing(t *testing.T) {
	t.Parallel()
	f := &fresh{}
	b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness = f })
	b.fold(t, campaign("evt-1", "store-1")...)
	f.before = func() { b.fold(t, registered(1)) }
	if _, participants := b.open(t).next(t); participants != 2 {
		t.Errorf("the first view has %d participants, want 2", participants)
	}
}

func TestStreamWithoutNotices(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fold(t, campaign("evt-1", "store-1")...)
	s := b.open(t)
	s.next(t)
	b.fold(t, registered(1))
	if _, n := s.next(t); n != 2 {
		t.Errorf("%d participants", n)
	}
}

func TestStreamEnds(t *testing.T) {
	t.Parallel()
	t.Run("with the server", func(t *testing.T) {
		t.Parallel()
		draining := make(chan struct{})
		b := setup(t, func(cfg *httpapi.Config) { cfg.Draining, cfg.Freshness = draining, &fresh{} })
		b.fold(t, campaign("evt-1", "store-1")...)
		s := b.open(t)
		s.next(t)
		close(draining)
		s.ends(t)
	})
	t.Run("with the token", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(cfg *httpapi.Config) {
			cfg.Freshness, cfg.Now = &fresh{}, time.Now
			auth, err := auth.New(t.Context(), auth.Config{
				Secrets: []auth.Secret{theSecret()}, Issuer: issuerName, Audience: audience, Logger: cfg.Logger,
			})
			if err != nil {
				t.Fatal(err)
			}
			cfg.Auth = auth
		})
		b.fold(t, campaign("evt-1", "store-1")...)
		var err error
		// Clocks may be half a minute apart.
		if b.token, err = owner("store-1").Sign(theSecret(), issuerName, audience, time.Now().Add(-time.Minute), time.Now().Add(-28*time.Second)); err != nil {
			t.Fatal(err)
		}
		s := b.open(t)
		s.next(t)
		s.ends(t)
	})
	for name, fact := range map[string]events.Event{
		"with the campaign":   &events.EventsWithdrawn{Campaign: "evt-1", Positions: []events.Position{1, 2, 3}},
		"with its move":       &events.EventCreated{Campaign: "evt-1", Shop: "store-2", MovedBy: "an operator"},
		"without description": &events.EventsWithdrawn{Campaign: "evt-1", Positions: []events.Position{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fresh{}
			b := setupHistory(t, func(cfg *httpapi.Config) { cfg.Freshness = f })
			b.token = mint(t, owner("store-1"))
			b.fold(t, campaign("evt-1", "store-1")...)
			s := b.open(t)
			s.next(t)
			b.fold(t, fact)
			f.changed("evt-1")
			s.ends(t)
			if s := b.open(t); s.status != http.StatusNotFound {
				t.Errorf("opened again: status %d", s.status)
			}
		})
	}
	t.Run("when there are too many", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness, cfg.Limits.Streams = &fresh{}, 1 })
		b.fold(t, campaign("evt-1", "store-1")...)
		b.open(t).next(t)
		if s := b.open(t); s.status != http.StatusServiceUnavailable {
			t.Errorf("status %d", s.status)
		}
	})
	t.Run("before it begins", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil)
		b.fold(t, campaign("evt-1", "store-1")...)
		for token, status := range map[string]int{"none": http.StatusUnauthorized, "Bearer " + mint(t, owner("store-2")): http.StatusNotFound} {
			if w := b.do(t, http.MethodGet, "/api/events/evt-1/analytics/stream", "Authorization: "+token); w.Code != status {
				t.Errorf("status %d, want %d", w.Code, status)
			}
		}
	})
}

// wrapped is a writer as middleware makes them.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// TestMiddlewareHidesNothing: behind a middleware that wraps the writer, as tracing
// does, requests are observed by their routes, kept answers as such, and a stream does
// not take a place among the requests at work.
func TestMiddlewareHidesNothing(t *testing.T) {
	t.Parallel()
	f := &fresh{}
	f.current.Store(true)
	seen := make(chan httpapi.Observation, 10)
	b := setup(t, func(cfg *httpapi.Config) {
		cfg.Freshness, cfg.Limits.Concurrent = f, 1
		cfg.Observe = func(o httpapi.Observation) {
			if o.Phase == httpapi.Answered {
				seen <- o
			}
		}
		cfg.Middleware = []mux.MiddlewareFunc{func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(wrapped{w}, r) })
		}}
	})
	b.fold(t, campaign("evt-1", "store-1")...)
	b.open(t).next(t)
	for _, kept := range []bool{false, true} {
		if w := b.do(t, http.MethodGet, "/api/events/evt-1/analytics"); w.Code != http.StatusOK {
			t.Fatalf("beside a stream: status %d: %s", w.Code, w.Body)
		}
		if o := <-seen; o.Route != "getAnalytics" || o.Kept != kept {
			t.Errorf("observed %+v, want route getAnalytics, kept %t", o, kept)
		}
	}
}

// TestStreamIsCompressed: each message can be decompressed as soon as it has come, from bytes
// that streams share, and a stream that ends is a whole gzip file.
func TestStreamIsCompressed(t *testing.T) {
	t.Parallel()
	f, draining := &fresh{}, make(chan struct{})
	b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness, cfg.Draining = f, draining })
	b.fold(t, campaign("evt-1", "store-1")...)
	first, second := b.open(t, "Accept-Encoding: gzip"), b.open(t, "Accept-Encoding: gzip")
	for _, s := range []*opened{first, second} {
		if s.header.Get("Content-Encoding") != "gzip" || s.header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("header %v", s.header)
		}
		if _, n := s.next(t); n != 1 {
			t.Errorf("first view: %d participants", n)
		}
	}
	for i := range 3 {
		b.fold(t, registered(i))
		f.changed("evt-1")
		for _, s := range []*opened{first, second} {
			if e := s.event(t); e.Type != "patch" || s.participants(t, e) != 2+i {
				t.Errorf("%s: %s", e.Type, e.Data)
			}
		}
	}
	close(draining)
	first.ends(t)
	if first.err != nil {
		t.Errorf("the end of the stream: %v", first.err)
	}
}

// TestStreamsAreShared: thirty tabs of one subject are all live, and those that ask for more than
// their share do not keep others waiting.
func TestStreamsAreShared(t *testing.T) {
	t.Parallel()
	const tabs = 30
	f := &fresh{}
	b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness, cfg.Limits.Streams = f, 5*tabs })
	b.fold(t, campaign("evt-1", "store-1")...)
	var all []*opened
	for range tabs {
		s := b.open(t)
		s.next(t)
		all = append(all, s)
	}
	if s := b.open(t); s.status != http.StatusTooManyRequests || s.header.Get("Retry-After") == "" {
		t.Errorf("one more: status %d, %v", s.status, s.header)
	}
	other := b.open(t, "Authorization: Bearer "+mint(t, owner("store-1")))
	other.next(t)
	b.fold(t, registered(1))
	f.changed("evt-1")
	for i, s := range append(all, other) {
		if _, n := s.next(t); n != 2 {
			t.Errorf("stream %d: %d participants", i, n)
		}
	}
	_ = all[0].body.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if s := b.open(t); s.status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the share of a tab that was closed is not free")
		}
	}
}
