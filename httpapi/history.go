package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"jangbu/events"
	"jangbu/httpapi/auth"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// lookTimeout bounds one read of the past. Before there are snapshots, a campaign of a million
// events takes some seconds. What was folded when the time is over is not folded again.
const lookTimeout = 10 * time.Second

// asOf returns the moment in the query, whose days are of the zone; nil where it has none.
func (a *API) asOf(query url.Values, zone *time.Location) (*readmodel.Moment, error) {
	if !query.Has("asOf") {
		return nil, nil
	}
	if a.cfg.History == nil {
		return nil, badRequest{"asOf: this server does not look back"}
	}
	asOf, err := readmodel.ParseMoment(query.Get("asOf"), zone, a.cfg.Now())
	if errors.Is(err, readmodel.ErrMoment) {
		return nil, badRequest{"asOf: " + readmodel.ErrMoment.Error() + "; a time with + as %2B"}
	}
	if err != nil {
		return nil, fmt.Errorf("asOf: %w", err)
	}
	return &asOf, nil
}

// lookBack encodes the dashboard that was served at a moment. What is encoded is not kept, because
// few requests repeat it; the history keeps what it is made from.
func (a *API) lookBack(rec *recorder, r *http.Request, campaign events.Campaign, view dashboard.View, asOf readmodel.Moment, caller auth.Identity, of subject) (*encoded, error) {
	// A caller that may not see the campaign now gets the usual error, as fast (I12).
	if _, err := a.mayRead(r.Context(), campaign, caller); err != nil {
		return nil, err
	}
	ctx, leave, err := a.look(rec, r)
	if err != nil {
		return nil, err
	}
	defer leave()
	rows, at, err := a.cfg.History.CampaignAsOf(ctx, campaign, asOf, caller.Scope())
	if _, limited := caller.Scope().Limits(); limited && errors.Is(err, readmodel.ErrFuture) {
		// Where the log of all shops ends is not for one of them to know.
		rows, at, err = a.cfg.History.CampaignAsOf(ctx, campaign, readmodel.Moment{At: a.cfg.Now()}, caller.Scope())
	}
	if err != nil {
		return nil, fmt.Errorf("asOf: %w", err)
	}
	view.Now = at
	return newEncoded(campaign, rows, view, of)
}

// look waits for the turn of a request that reads the log, and returns the context of the read.
// While it waits it holds no share of requests.
func (a *API) look(rec *recorder, r *http.Request) (ctx context.Context, end func(), err error) {
	rec.leave()
	leave, err := a.limits.looks.take(r.Context(), rec.party.name())
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookTimeout)
	return ctx, func() { cancel(); leave() }, nil
}
