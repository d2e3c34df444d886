package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"jangbu/events"
	"jangbu/readmodel"
)

// readTimeout bounds one read of the rows. It is far above any read that
// works: it keeps a stuck database from piling up requests.
const readTimeout = 5 * time.Second

// Part is one part of the process and what is wrong with it.
type Part struct {
	Name string
	Err  error // nil: it works
}

// Config says what the API serves.
type Config struct {
	Reader readmodel.Reader
	// Ready checks the process's parts for /readyz.
	Ready func(context.Context) []Part
	// Now is the clock by which channels are called stale.
	Now func() time.Time
	// Location is the time zone of requests that name none.
	Location *time.Location
	// PollInterval says how often a channel is asked that was distributed to so
	// long ago; figures older than three intervals are called stale. Nil:
	// readmodel.DefaultPollInterval, always.
	PollInterval func(age time.Duration) time.Duration
	Logger       *slog.Logger
}

type api struct{ cfg Config }

// New returns the handler of the whole API.
func New(cfg Config) (http.Handler, error) {
	if cfg.Reader == nil || cfg.Ready == nil || cfg.Now == nil || cfg.Location == nil || cfg.Logger == nil {
		return nil, errors.New("new api: reader, ready, now, location and logger are required")
	}
	if err := (readmodel.View{Location: cfg.Location}).Validate(); err != nil {
		return nil, fmt.Errorf("new api: %w", err)
	}
	a := &api{cfg}
	// Encoded, so that a campaign whose id holds a slash can be asked for.
	r := mux.NewRouter().UseEncodedPath()
	r.HandleFunc("/api/events/{id}/analytics", a.analytics).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/healthz", a.healthz).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/readyz", a.readyz).Methods(http.MethodGet, http.MethodHead)
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.fail(w, r, errNoRoute) })
	r.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		a.fail(w, r, errNoMethod)
	})
	return r, nil
}

func (a *api) analytics(w http.ResponseWriter, r *http.Request) {
	campaign, view, err := a.analyticsRequest(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	rows, err := a.cfg.Reader.Campaign(ctx, campaign, readmodel.Everything())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	a.write(w, "application/json", http.StatusOK, readmodel.NewDashboard(rows, view))
}

func (a *api) analyticsRequest(r *http.Request) (events.Campaign, readmodel.View, error) {
	id, err := url.PathUnescape(mux.Vars(r)["id"])
	if err != nil || !utf8.ValidString(id) || strings.ContainsRune(id, 0) || len(id) > events.MaxIDBytes {
		// No event can carry such an id, so no campaign has it.
		return "", readmodel.View{}, readmodel.ErrNotFound
	}
	view := readmodel.View{Now: a.cfg.Now(), Location: a.cfg.Location, Interval: readmodel.Hourly, PollInterval: a.cfg.PollInterval}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", view, badRequest{"the query string is not well formed"}
	}
	if query.Has("interval") {
		if view.Interval = readmodel.Interval(query.Get("interval")); view.Interval == "" {
			return "", view, fmt.Errorf("interval: %w", readmodel.ErrInterval)
		}
	}
	if query.Has("tz") {
		name := query.Get("tz")
		// "" and "Local" mean something to the library that no client can mean.
		location, err := time.LoadLocation(name)
		if err != nil || name == "" || name == "Local" {
			return "", view, badRequest{"tz: expected an IANA time zone such as Asia/Seoul"}
		}
		view.Location = location
	}
	return events.Campaign(id), view, view.Validate()
}

func (a *api) healthz(w http.ResponseWriter, _ *http.Request) {
	a.write(w, "application/json", http.StatusOK, map[string]string{"status": "ok"})
}

func (a *api) readyz(w http.ResponseWriter, r *http.Request) {
	type part struct {
		Name  string `json:"name"`
		Ready bool   `json:"ready"`
		Error string `json:"error,omitempty"`
	}
	status, body := http.StatusOK, struct {
		Ready bool   `json:"ready"`
		Parts []part `json:"parts"`
	}{Ready: true, Parts: []part{}}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	for _, p := range a.cfg.Ready(ctx) {
		out := part{Name: p.Name, Ready: p.Err == nil}
		if p.Err != nil {
			status, body.Ready, out.Error = http.StatusServiceUnavailable, false, p.Err.Error()
		}
		body.Parts = append(body.Parts, out)
	}
	w.Header().Set("Cache-Control", "no-store")
	a.write(w, "application/json", status, body)
}
