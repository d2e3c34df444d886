package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/mux"

	page "jangbu/httpapi/dashboard"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// readTimeout bounds one read of the rows. It is far above any read that
// works: it keeps a stuck database from piling up requests.
const readTimeout = 5 * time.Second

// Config says what the API serves.
type Config struct {
	Reader readmodel.Reader
	// History answers requests that name a moment (asOf). Nil: they are refused.
	History readmodel.History
	// Freshness says how long answers may be repeated. Nil: they are not, and
	// streams look for changes every second.
	Freshness readmodel.Freshness
	// Auth tells who asks. Nil: whoever can reach the API sees everything.
	Auth *Auth
	// Now is the clock by which channels are called stale.
	Now func() time.Time
	// Location is the time zone of requests that name none.
	Location *time.Location
	// PollInterval says how often a channel is asked that was distributed to so
	// long ago; figures older than three intervals are called stale. Nil:
	// dashboard.DefaultPollInterval, always.
	PollInterval func(age time.Duration) time.Duration
	Limits       Limits
	// Middleware wraps the handlers of routes that were found.
	Middleware []mux.MiddlewareFunc
	// Observe is told of every request that has been answered. Nil: nobody is.
	Observe func(Observation)
	// Draining is closed when the server is about to stop: streams end.
	Draining <-chan struct{}
	Logger   *slog.Logger
}

// Observation is one request that has been answered.
type Observation struct {
	Route  string // its name in the contract; "" where none was found
	Status int
	Took   time.Duration
	Kept   bool // the answer was made for an earlier request
}

// API is the handler of the public API.
type API struct {
	cfg     Config
	router  *mux.Router
	routes  []route
	page    *page.Page
	answers *memo
	limits  *limiter
	secure  map[string][]string // headers of every answer
}

// New returns the handler of the public API.
func New(cfg Config) (*API, error) {
	if cfg.Reader == nil || cfg.Now == nil || cfg.Location == nil || cfg.Logger == nil {
		return nil, errors.New("new api: reader, now, location and logger are required")
	}
	if err := (dashboard.View{Location: cfg.Location}).Validate(); err != nil {
		return nil, fmt.Errorf("new api: %w", err)
	}
	if cfg.Observe == nil {
		cfg.Observe = func(Observation) {}
	}
	front, err := page.New()
	if err != nil {
		return nil, fmt.Errorf("new api: %w", err)
	}
	a := &API{
		cfg: cfg, page: front, answers: newMemo(maxAnswers), limits: newLimiter(cfg.Limits, cfg.Now),
		// An answer is to be read by who asked for it, as what it says it is, and
		// nowhere else.
		secure: map[string][]string{
			"X-Content-Type-Options":       {"nosniff"},
			"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
			"Referrer-Policy":              {"no-referrer"},
			"Cross-Origin-Resource-Policy": {"same-origin"},
			"X-Frame-Options":              {"DENY"},
		},
	}
	a.routes = []route{
		{"getAnalytics", "/api/events/{id}/analytics", readers, a.analytics},
		{"streamAnalytics", "/api/events/{id}/analytics/stream", readers, a.stream},
		{"listEvents", "/api/stores/{storeId}/events", readers, a.listEvents},
		{"getContract", "/openapi.yaml", anybody, a.contract},
		{"getPage", "/", anybody, a.index},
		{"getAsset", "/assets/{version}/{file}", anybody, a.asset},
	}
	// Encoded, so that a campaign whose id holds a slash can be asked for.
	a.router = mux.NewRouter().UseEncodedPath()
	a.router.Use(cfg.Middleware...)
	for _, r := range a.routes {
		if r.who == 0 {
			return nil, fmt.Errorf("new api: route %s says nothing about who may use it", r.name)
		}
		a.router.Handle(r.path, a.guard(r)).Methods(http.MethodGet, http.MethodHead).Name(r.name)
	}
	a.router.NotFoundHandler = a.failing(errNoRoute)
	a.router.MethodNotAllowedHandler = a.failing(errNoMethod)
	return a, nil
}

// Route is a route that the API serves.
type Route struct {
	Name   string // operationId in the contract
	Path   string
	Public bool // nobody need say who they are
}

// Routes returns all routes.
func (a *API) Routes() []Route {
	routes := make([]Route, len(a.routes))
	for i, r := range a.routes {
		routes[i] = Route{r.name, r.path, r.who == anybody}
	}
	return routes
}

// policy says who may use a route. Which campaigns they see is decided by the
// query (I12).
type policy int

const (
	anybody policy = iota + 1 // nothing in it is anybody's secret
	readers                   // whoever has a token
)

// route is one of the API's.
type route struct {
	name   string // operationId in the contract
	path   string
	who    policy
	handle func(http.ResponseWriter, *http.Request, Identity) error
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	rec := &recorder{ResponseWriter: w}
	maps.Copy(w.Header(), a.secure)
	r.Body = http.MaxBytesReader(rec, r.Body, maxBody)
	leave, err := a.limits.enter(r)
	if err != nil {
		a.fail(rec, r, err)
	} else {
		rec.leave = sync.OnceFunc(leave)
		defer rec.leave()
		a.router.ServeHTTP(rec, r)
	}
	a.cfg.Observe(Observation{Route: rec.route, Status: rec.status, Took: time.Since(start), Kept: rec.kept})
}

// guard lets only those through whom the route is for.
func (a *API) guard(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recording(w).route = route.name
		who, err := a.admit(route, r)
		if err == nil {
			err = route.handle(w, r, who)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	})
}

func (a *API) admit(route route, r *http.Request) (Identity, error) {
	if route.who == anybody {
		return Identity{}, nil
	}
	if a.cfg.Auth == nil {
		return Identity{Subject: "anybody", Role: Ops}, nil
	}
	who, err := a.cfg.Auth.Authenticate(r)
	if err != nil {
		return Identity{}, err
	}
	return who, a.limits.token(who.Subject)
}

func (a *API) failing(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.fail(w, r, err) })
}

// recorder notes how a request was answered.
type recorder struct {
	http.ResponseWriter
	route  string
	status int
	kept   bool
	leave  func() // gives the request's slot up before its end
}

// recording returns the recorder behind a writer, whatever middleware has put round it.
func recording(w http.ResponseWriter) *recorder {
	for {
		switch inner := w.(type) {
		case *recorder:
			return inner
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default: // a middleware that hides it: nothing can be noted
			return &recorder{leave: func() {}}
		}
	}
}

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// readRows returns ctx bounded by readTimeout.
func readRows(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, readTimeout)
}
