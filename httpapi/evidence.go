package httpapi

import (
	"net/http"
	"net/url"
	"strconv"

	"jangbu/events"
	"jangbu/httpapi/auth"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// evidence serves what a number of a campaign is made of: counts to its owner, and the events
// themselves, page by page, to analysts and operators.
func (a *API) evidence(w http.ResponseWriter, r *http.Request, caller auth.Identity) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	query, err := queryOf(r, "card", "limit", "cursor", "tz")
	if err != nil {
		return err
	}
	number := dashboard.TotalParticipants
	if query.Has("card") {
		number = dashboard.Number(query.Get("card"))
	}
	wanted, err := pageOf(query)
	if err != nil {
		return err
	}
	view, err := a.view(query)
	if err != nil {
		return err
	}
	ctx, cancel := readRows(r.Context())
	defer cancel()
	rows, err := a.cfg.Reader.Campaign(ctx, events.Campaign(id), caller.Scope())
	if err != nil {
		return err
	}
	found, err := dashboard.NewEvidence(rows, number, view)
	if err != nil {
		return err
	}
	if a.cfg.Evidence != nil && (caller.Role == auth.Analyst || caller.Role == auth.Ops) {
		wanted.Campaign, wanted.Types, wanted.Through = events.Campaign(id), number.Types(), rows.Campaign().Position
		if found.Events, found.Next, err = a.events(recording(w), r, wanted, view); err != nil {
			return err
		}
	}
	showed(w, events.Campaign(id), rows.Campaign().Shop)
	return writePrivate(w, r, found)
}

// events reads a page of events, and the cursor of the next one. Their log is read by turns, as
// for asOf.
func (a *API) events(rec *recorder, r *http.Request, wanted readmodel.CampaignEvents, view dashboard.View) (page []dashboard.EvidenceEvent, next *string, err error) {
	ctx, leave, err := a.look(rec, r)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	found, more, err := a.cfg.Evidence.CampaignEvents(ctx, wanted)
	if err != nil {
		return nil, nil, err
	}
	if more {
		next = new(strconv.FormatInt(int64(found[len(found)-1].Position), 10))
	}
	return dashboard.EvidenceEvents(found, view), next, nil
}

// pageOf returns the page in the query. Its cursor is the position of the event before it.
func pageOf(query url.Values) (wanted readmodel.CampaignEvents, err error) {
	wanted.Limit = dashboard.DefaultPage
	if query.Has("limit") {
		if wanted.Limit, err = strconv.Atoi(query.Get("limit")); err != nil || wanted.Limit < 1 || wanted.Limit > dashboard.MaxPage {
			return wanted, badRequest{"limit: expected a number from 1 to 200"}
		}
	}
	if query.Has("cursor") {
		after, err := strconv.ParseInt(query.Get("cursor"), 10, 64)
		if err != nil || after < 1 {
			return wanted, badRequest{"cursor: expected the next of the page before"}
		}
		wanted.After = events.Position(after)
	}
	return wanted, nil
}
