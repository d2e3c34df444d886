package httpapi

import (
	"context"
	"net/http"
	"time"

	"jangbu/events"
	"jangbu/httpapi/auth"
	page "jangbu/httpapi/dashboard"
)

const (
	// streamRetry is the wait before a client that lost the stream reconnects.
	streamRetry = 2 * time.Second
	// rightEvery is the time between two looks at a stream's right: a right that has ended
	// ends the stream within 5 s.
	rightEvery = time.Second
)

// stream serves one campaign's dashboard as server-sent events: the whole view first, then what
// has changed in it, at most four times a second, and a beat every 5 s. The id of a view is its
// entity tag, so a client that reconnects gets the view only if it differs.
func (a *API) stream(w http.ResponseWriter, r *http.Request, caller auth.Identity) error {
	campaign, view, asOf, err := a.campaignRequest(r, wholeDashboard())
	if err != nil {
		return err
	}
	if asOf != nil {
		return badRequest{"asOf: the past does not change; expected it at …/analytics"}
	}
	// Before the first message an error is an ordinary response.
	shop, err := a.mayRead(r.Context(), campaign, caller)
	if err != nil {
		return err
	}
	leave, err := a.limits.streams.take(recording(w).party)
	if err != nil {
		return err
	}
	defer leave()
	zip := page.AcceptsGzip(r.Header["Accept-Encoding"])
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Accel-Buffering", "no")
	if zip {
		h.Set("Content-Encoding", "gzip")
	}
	showed(w, campaign, shop)
	w.WriteHeader(http.StatusOK)
	rec := recording(w)
	rec.leave() // streams have shares of their own
	if r.Method == http.MethodHead {
		return nil
	}
	rec.begin()
	broadcast, leaveBroadcast := a.broadcasts.join(campaign, view)
	defer leaveBroadcast()
	s := &streaming{
		API: a, caller: caller, token: recording(w).token, broadcast: broadcast,
		sender: sender{w: w, control: http.NewResponseController(w), zip: zip}, sent: r.Header.Get("Last-Event-ID"),
	}
	rec.seen.Reason = s.run(r.Context())
	s.sender.end()
	return nil
}

// mayRead returns the campaign's shop, or the error of reading a campaign that the caller may not
// see.
func (a *API) mayRead(ctx context.Context, campaign events.Campaign, caller auth.Identity) (events.Shop, error) {
	ctx, cancel := readRows(ctx)
	defer cancel()
	rows, err := a.cfg.Reader.Campaign(ctx, campaign, caller.Scope())
	if err != nil {
		return "", err
	}
	return rows.Campaign().Shop, nil
}

// streaming is one open stream. It belongs to the request's goroutine.
type streaming struct {
	*API
	caller    auth.Identity
	token     auth.Token // of the caller, where tokens are asked for
	broadcast *broadcast
	sender    sender
	sent      string // the id of the client's last view
	beat      *message
}

// run streams until the client leaves or its right ends, the campaign is withdrawn or moves to a
// shop that the caller may not see, or the server stops. It returns why, for the record.
func (s *streaming) run(ctx context.Context) string {
	const left = "the client left"
	if s.sender.send(s.broadcasts.retry) != nil {
		return left
	}
	right := time.NewTicker(rightEvery)
	defer right.Stop()
	for {
		now := s.broadcast.now()
		if now.ended || now.view != nil && !s.caller.Scope().Allows(now.view.stats) {
			return "the campaign is not there any more, or not the caller's" // the client must ask anew (I12)
		}
		if s.sender.send(s.due(now)...) != nil {
			return left
		}
		draining := s.cfg.Draining
		if now.view == nil {
			draining = nil // a stream that has been promised shows something
		}
		select {
		case <-now.next:
		case <-right.C:
			// The token may have expired, or its key have been withdrawn.
			if s.cfg.Auth != nil {
				var ok bool
				if s.caller, ok = s.token.Again(); !ok {
					return "the token is not valid any more"
				}
			}
		case <-ctx.Done():
			return left
		case <-draining:
			return "the server stops"
		}
	}
}

// due returns what the client does not have yet: a view or what has changed in it, and a beat.
func (s *streaming) due(now scene) (messages []*message) {
	if now.view != nil && now.view.etag != s.sent {
		m := now.whole
		if now.patch != nil && now.patched == s.sent { // else it has missed one
			m = now.patch
		}
		s.sent = now.view.etag
		messages = append(messages, m)
	}
	if now.beat != s.beat {
		s.beat = now.beat
		messages = append(messages, now.beat)
	}
	return messages
}
