package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"jangbu/events"
	"jangbu/httpapi/auth"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// subject is what a route shows of a campaign.
type subject struct {
	route      string
	parameters []string
	show       func(readmodel.CampaignRows, dashboard.View) any
}

// wholeDashboard is what the analytics and their stream show.
func wholeDashboard() subject {
	return subject{
		route: "getAnalytics", parameters: []string{"tz", "interval", "from", "to", "asOf"},
		show: func(rows readmodel.CampaignRows, v dashboard.View) any { return dashboard.New(rows, v) },
	}
}

// analytics serves one campaign's dashboard.
func (a *API) analytics(w http.ResponseWriter, r *http.Request, caller auth.Identity) error {
	return a.answer(w, r, caller, wholeDashboard())
}

// digest serves one campaign's digest.
func (a *API) digest(w http.ResponseWriter, r *http.Request, caller auth.Identity) error {
	return a.answer(w, r, caller, subject{
		route: "getDigest", parameters: []string{"tz", "asOf"},
		show: func(rows readmodel.CampaignRows, v dashboard.View) any { return dashboard.NewBriefing(rows, v) },
	})
}

// lastAfter is how long a request waits for the rows before it is answered with what was last read,
// if they are away.
const lastAfter = 2 * time.Second

// answer serves what is to be shown of one campaign. What is encoded is served again for as
// long as its rows are current and time has changed nothing (I9).
func (a *API) answer(w http.ResponseWriter, r *http.Request, caller auth.Identity, of subject) error {
	key := requestKey{of.route, mux.Vars(r)["id"], r.URL.RawQuery}
	if kept := a.memo.get(key); kept != nil && caller.Scope().Allows(kept.stats) && kept.holds(a.cfg) {
		recording(w).seen.Kept = true
		kept.serve(w, r)
		return nil
	}
	campaign, view, asOf, err := a.campaignRequest(r, of)
	if err != nil {
		return err
	}
	if asOf != nil {
		past, err := a.lookBack(recording(w), r, campaign, view, *asOf, caller, of)
		if err != nil {
			return err
		}
		past.serve(w, r)
		return nil
	}
	ctx, cancel := readRows(r.Context())
	defer cancel()
	if a.cfg.Last != nil && a.cfg.Last.Away() {
		if last, ok := a.last(ctx, campaign, view, caller, of); ok {
			last.serve(w, r)
			return nil
		}
	}
	soon, cancelSoon := context.WithTimeout(ctx, lastAfter)
	defer cancelSoon()
	rows, err := a.cfg.Reader.Campaign(soon, campaign, caller.Scope())
	if errors.Is(err, events.ErrAway) || errors.Is(err, context.DeadlineExceeded) {
		if last, ok := a.last(ctx, campaign, view, caller, of); ok {
			last.serve(w, r)
			return nil
		}
	}
	if err != nil && soon.Err() != nil { // of a database that is slow
		rows, err = a.cfg.Reader.Campaign(ctx, campaign, caller.Scope())
	}
	if err != nil {
		return err
	}
	fresh, err := newEncoded(campaign, rows, view, of)
	if err != nil {
		return err
	}
	a.memo.put(key, fresh)
	fresh.serve(w, r)
	return nil
}

// last returns what can be told of a campaign while the rows are away, marked as delayed.
func (a *API) last(ctx context.Context, campaign events.Campaign, view dashboard.View, caller auth.Identity, of subject) (*encoded, bool) {
	if a.cfg.Last == nil {
		return nil, false
	}
	rows, since, ok := a.cfg.Last.Last(ctx, campaign, caller.Scope())
	if !ok {
		return nil, false
	}
	last, err := newDelayed(campaign, rows, view, of, since)
	return last, err == nil
}

// campaignRequest parses a request. asOf is nil for a request about the present.
func (a *API) campaignRequest(r *http.Request, of subject) (c events.Campaign, view dashboard.View, asOf *readmodel.Moment, err error) {
	id, err := pathID(r, "id")
	if err != nil {
		return "", view, nil, err
	}
	query, err := queryOf(r, of.parameters...)
	if err != nil {
		return "", view, nil, err
	}
	if view, err = a.view(query); err != nil {
		return "", view, nil, err
	}
	asOf, err = a.asOf(query, view.Location)
	return events.Campaign(id), view, asOf, err
}

// pathID returns the id in the request's path.
func pathID(r *http.Request, name string) (string, error) {
	id, err := url.PathUnescape(mux.Vars(r)[name])
	if err != nil || !utf8.ValidString(id) || strings.ContainsRune(id, 0) || len(id) > events.MaxIDBytes {
		// No event can hold such an id, so no campaign or shop has it.
		return "", readmodel.ErrNotFound
	}
	return id, nil
}

// queryOf returns the query. Each of the known names may occur once, and no other.
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

// view returns the view that a query asks for.
func (a *API) view(query url.Values) (dashboard.View, error) {
	view := dashboard.View{
		Now: a.cfg.Now(), Location: a.cfg.Location, PollInterval: a.cfg.PollInterval, PollAfterEnd: a.cfg.PollAfterEnd,
	}
	if query.Has("interval") {
		if view.Interval = dashboard.Interval(query.Get("interval")); view.Interval == "" {
			return view, fmt.Errorf("interval: %w", dashboard.ErrInterval)
		}
	}
	if query.Has("tz") {
		name := query.Get("tz")
		// LoadLocation accepts "" and "Local", which mean this server's zones.
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
