package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/gorilla/mux"

	"jangbu/httpapi/auth"
	page "jangbu/httpapi/dashboard"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// readTimeout bounds one read of the rows. It is far above the time of a normal read, and
// keeps requests from piling up behind a stuck database.
const readTimeout = 5 * time.Second

// Config configures the API.
type Config struct {
	Reader readmodel.Reader
	// History reads the state at a moment (asOf). Nil refuses such requests.
	History readmodel.History
	// Evidence reads the events behind numbers. Nil serves their counts alone.
	Evidence readmodel.Evidence
	// Freshness reports whether rows are current. Nil disables the reuse of encoded
	// dashboards, and streams then read the rows every second.
	Freshness readmodel.Freshness
	// Last is served, marked as delayed, while the rows are away. Nil serves nothing then.
	Last readmodel.Last
	// Liveness tells streams how far behind what they show is. Nil: it never is.
	Liveness Liveness
	// Auth identifies callers. Nil lets every caller see everything.
	Auth *auth.Verifier
	// LoginURL and TokenURL, if not nil, are where the page sends a viewer to sign in, and
	// where it asks for another token.
	LoginURL, TokenURL *url.URL
	// BasePath is the path of [ParseBasePath] below which everything is served.
	BasePath string
	// Origins are the origins of [ParseOrigin] whose pages may read the API, and Cookies lets
	// these have the browser send the API's cookies.
	Origins []string
	Cookies bool
	// Now is the clock by which figures become stale.
	Now func() time.Time
	// Location is the time zone of requests that name none.
	Location *time.Location
	// PollInterval returns the interval between two polls of a channel, by the time
	// since the distribution. Figures older than three intervals are stale. Nil means
	// dashboard.DefaultPollInterval at every age.
	PollInterval func(age time.Duration) time.Duration
	// PollAfterEnd is how long channels are polled after a campaign's end. 0 means
	// dashboard.DefaultPollAfterEnd.
	PollAfterEnd time.Duration
	Limits       Limits
	// TrustedProxies are the networks of the proxies before this server. What their headers
	// X-Forwarded-For, -Proto and -Host, or Forwarded, say of the caller is believed; without
	// them such headers are ignored.
	TrustedProxies []netip.Prefix
	// Middleware wraps the handlers of the routes.
	Middleware []mux.MiddlewareFunc
	// Observe, if not nil, is called after every request, and when a stream begins. It
	// must not wait.
	Observe func(Observation)
	// Draining is closed when the server is about to stop, which ends streams.
	Draining <-chan struct{}
	Logger   *slog.Logger
}

// API is the handler of the public API.
type API struct {
	cfg        Config
	router     *mux.Router
	routes     []route
	page       *page.Page
	memo       *memo
	limits     *limiter
	broadcasts *broadcasts
	cross      crossOrigin
	yaml       []byte              // the contract
	secure     map[string][]string // headers of every response
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
	front, err := page.New(page.Door{Login: cfg.LoginURL, Token: cfg.TokenURL})
	if err != nil {
		return nil, fmt.Errorf("new api: %w", err)
	}
	yaml, err := contractAt(cfg.BasePath)
	if err != nil {
		return nil, fmt.Errorf("new api: %w", err)
	}
	a := &API{
		cross: crossOrigin{cfg.Origins, cfg.Cookies}, yaml: yaml,
		cfg: cfg, page: front, memo: newMemo(maxEncoded), limits: newLimiter(cfg.Limits, cfg.Now), broadcasts: newBroadcasts(cfg),
		// A browser must not guess the type of a response, frame it, or let another
		// site load it.
		secure: map[string][]string{
			"X-Content-Type-Options":       {"nosniff"},
			"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
			"Referrer-Policy":              {"no-referrer"},
			"Cross-Origin-Resource-Policy": {"same-origin"},
			"X-Frame-Options":              {"DENY"},
		},
	}
	a.routes = []route{
		{"getAnalytics", "/api/events/{id}/analytics", tokenOnly, a.analytics},
		{"streamAnalytics", "/api/events/{id}/analytics/stream", tokenOnly, a.stream},
		{"getEvidence", "/api/events/{id}/analytics/evidence", tokenOnly, a.evidence},
		{"getDigest", "/api/events/{id}/digest", tokenOnly, a.digest},
		{"listEvents", "/api/stores/{storeId}/events", tokenOnly, a.listEvents},
		{"getContract", "/openapi.yaml", public, a.contract},
		{"getPage", "/", public, a.index},
		{"getAsset", "/assets/{version}/{file}", public, a.asset},
	}
	// The encoded path keeps a slash in a campaign's id, and a path that is not cleaned one that
	// is "..". Nor is a client redirected then.
	a.router = mux.NewRouter().UseEncodedPath().SkipClean(true)
	a.router.Use(cfg.Middleware...)
	for _, r := range a.routes {
		if r.access == 0 {
			return nil, fmt.Errorf("new api: route %s has no policy", r.name)
		}
		a.router.Handle(cfg.BasePath+r.path, a.guard(r)).Methods(http.MethodGet, http.MethodHead).Name(r.name)
	}
	if cfg.BasePath != "" {
		a.router.Handle(cfg.BasePath, intoBase(cfg.BasePath)).Methods(http.MethodGet, http.MethodHead)
	}
	a.router.NotFoundHandler = a.failing(errNoRoute)
	a.router.MethodNotAllowedHandler = a.failing(errNoMethod)
	return a, nil
}

// Route is a route that the API serves.
type Route struct {
	Name   string // operationId in the contract
	Path   string
	Public bool // needs no token
}

// Routes returns all routes.
func (a *API) Routes() []Route {
	routes := make([]Route, len(a.routes))
	for i, r := range a.routes {
		routes[i] = Route{r.name, r.path, r.access == public}
	}
	return routes
}

// policy is the condition for using a route. The query's scope determines which campaigns
// a caller sees (I12).
type policy int

const (
	public    policy = iota + 1 // needs no token
	tokenOnly                   // needs a valid token
)

// route is a route of the API.
type route struct {
	name   string // operationId in the contract
	path   string
	access policy
	handle func(http.ResponseWriter, *http.Request, auth.Identity) error
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w, observe: a.cfg.Observe, client: clientOf(r, a.cfg.TrustedProxies)}
	rec.seen.At, rec.seen.Method, rec.seen.Client = time.Now(), method(r), rec.client.String()
	defer rec.end()
	maps.Copy(w.Header(), a.secure)
	if rec.client.https {
		w.Header().Set("Strict-Transport-Security", onlyEncrypted)
	}
	rec.allow = func(h http.Header) { a.cross.allow(h, r) }
	r.Body = http.MaxBytesReader(rec, r.Body, maxBody)
	switch {
	case len(r.URL.RawQuery) > maxQuery:
		a.fail(rec, r, a.limits.refused(rec.client, badRequest{"the query string is longer than 2048 bytes"}))
	case !a.cross.preflight(r):
		a.router.ServeHTTP(rec, r)
	default: // it has no token, as what is public has none
		if err := a.limits.visits.count(rec.client.network(), a.limits.clock()); err != nil {
			a.fail(rec, r, err)
		} else {
			a.cross.permit(rec)
		}
	}
	rec.whole = true
}

// guard returns the route's handler behind its policy and the limits.
func (a *API) guard(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := recording(w)
		rec.seen.Route = route.name
		caller, err := a.admit(route, rec, r)
		rec.seen.Subject, rec.seen.Role = caller.Subject, caller.Role
		if err == nil {
			defer rec.leave()
			err = route.handle(w, r, caller)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	})
}

// admit returns the caller of a request, and takes a share for it, which rec.leave gives back.
// What is not known to be a caller's pays from bounds of its own, and nothing of it waits.
func (a *API) admit(route route, rec *recorder, r *http.Request) (caller auth.Identity, err error) {
	rec.party = party{network: rec.client.network()}
	switch {
	case route.access == public:
		err = a.limits.visits.count(rec.party.network, a.limits.clock())
	case a.cfg.Auth == nil:
		caller = auth.Identity{Subject: "anonymous", Role: auth.Ops}
		err = a.limits.count(rec.party)
	default:
		if caller, err = a.identify(rec, r); err == nil {
			rec.party = partyOf(caller, rec.client)
			err = a.limits.count(rec.party)
		}
	}
	if err == nil {
		rec.leave, err = a.limits.requests.take(rec.party)
	}
	return caller, err
}

// identify returns the caller that the request's token identifies.
func (a *API) identify(rec *recorder, r *http.Request) (auth.Identity, error) {
	var err error
	if rec.token, err = a.cfg.Auth.Read(r); err != nil {
		rec.seen.Reason = err.Error()
		return auth.Identity{}, a.limits.refused(rec.client, err)
	}
	known := rec.token.Known()
	if !known {
		if err := a.limits.strangers.count(rec.party.network, a.limits.clock()); err != nil {
			return auth.Identity{}, err
		}
	}
	caller, err := rec.token.Verify(r.Context())
	if err != nil && known { // its rights were withdrawn
		rec.seen.Reason = err.Error()
		err = a.limits.refused(rec.client, err)
	}
	return caller, err
}

// failing returns the handler of requests to no route.
func (a *API) failing(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, a.limits.refused(recording(w).client, err))
	})
}

// onlyEncrypted has browsers never again come unencrypted, for a year.
const onlyEncrypted = "max-age=31536000; includeSubDomains"

// readRows returns ctx bounded by readTimeout.
func readRows(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, readTimeout)
}
