package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// analytics serves one campaign's dashboard. What has been encoded once is served
// again for as long as its rows are current and no figure has become stale.
func (a *API) analytics(w http.ResponseWriter, r *http.Request, who Identity) error {
	key := answerKey{mux.Vars(r)["id"], r.URL.RawQuery}
	if kept := a.answers.get(key); kept != nil && kept.holds(a.cfg) && who.Scope().Allows(kept.event) {
		recording(w).kept = true
		kept.serve(w, r)
		return nil
	}
	campaign, view, asOf, err := a.analyticsRequest(r)
	if err != nil {
		return err
	}
	if asOf != nil {
		past, err := a.lookBack(r, campaign, view, *asOf, who)
		if err != nil {
			return err
		}
		past.serve(w, r)
		return nil
	}
	fresh, err := a.encode(r, campaign, view, who)
	if err != nil {
		return err
	}
	a.answers.put(key, fresh)
	fresh.serve(w, r)
	return nil
}

// encode reads a campaign and encodes its dashboard.
func (a *API) encode(r *http.Request, campaign events.Campaign, view dashboard.View, who Identity) (*answer, error) {
	ctx, cancel := readRows(r.Context())
	defer cancel()
	rows, err := a.cfg.Reader.Campaign(ctx, campaign, who.Scope())
	if err != nil {
		return nil, err
	}
	return newAnswer(campaign, rows, view)
}

// analyticsRequest reads what is asked for. asOf is nil where that is how things
// are now.
func (a *API) analyticsRequest(r *http.Request) (c events.Campaign, view dashboard.View, asOf *readmodel.Moment, err error) {
	id, err := pathID(r, "id")
	if err != nil {
		return "", view, nil, err
	}
	query, err := queryOf(r, "tz", "interval", "from", "to", "asOf")
	if err != nil {
		return "", view, nil, err
	}
	if view, err = a.view(query); err != nil {
		return "", view, nil, err
	}
	asOf, err = a.asOf(query)
	return events.Campaign(id), view, asOf, err
}

// pathID returns the id in the request's path.
func pathID(r *http.Request, name string) (string, error) {
	id, err := url.PathUnescape(mux.Vars(r)[name])
	if err != nil || !utf8.ValidString(id) || strings.ContainsRune(id, 0) || len(id) > events.MaxIDBytes {
		// No event can carry such an id, so nothing has it.
		return "", readmodel.ErrNotFound
	}
	return id, nil
}

// queryOf returns the query, in which each of the known names may be there once,
// and no other.
func queryOf(r *http.Request, known ...string) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest{"the query string is not well formed"}
	}
	for name, values := range query {
		if !slices.Contains(known, name) {
			return nil, badRequest{"unknown parameter; expected any of " + strings.Join(known, ", ")}
		}
		if len(values) > 1 {
			return nil, badRequest{name + ": is there more than once"}
		}
	}
	return query, nil
}

// view returns how a dashboard is to be shown.
func (a *API) view(query url.Values) (dashboard.View, error) {
	view := dashboard.View{
		Now: a.cfg.Now(), Location: a.cfg.Location, Interval: dashboard.Hourly, PollInterval: a.cfg.PollInterval,
	}
	if query.Has("interval") {
		if view.Interval = dashboard.Interval(query.Get("interval")); view.Interval == "" {
			return view, fmt.Errorf("interval: %w", dashboard.ErrInterval)
		}
	}
	if query.Has("tz") {
		name := query.Get("tz")
		// "" and "Local" mean something to the library that no client can mean.
		location, err := time.LoadLocation(name)
		if err != nil || name == "" || name == "Local" {
			return view, badRequest{"tz: expected an IANA time zone such as Asia/Seoul"}
		}
		view.Location = location
	}
	var err error
	if view.From, err = instant(query, "from"); err != nil {
		return view, err
	}
	if view.To, err = instant(query, "to"); err != nil {
		return view, err
	}
	return view, view.Validate()
}

// instant returns the time in the query; zero where there is none.
func instant(query url.Values, name string) (time.Time, error) {
	if !query.Has(name) {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, query.Get(name))
	if err != nil {
		return time.Time{}, badRequest{name + ": expected an RFC 3339 time such as 2026-11-23T10:00:00+09:00 (with + as %2B)"}
	}
	return t, nil
}
