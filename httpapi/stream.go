package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

const (
	// streamPause is the least time between two views of a stream.
	streamPause = 250 * time.Millisecond
	// heartbeat is the longest silence of a stream. A proxy may close a longer one.
	heartbeat = 15 * time.Second
	// streamWrite is how long a client may take to read a message.
	streamWrite = 10 * time.Second
	// streamPoll is the interval at which a stream reads the rows where no freshness
	// reports changes.
	streamPoll = time.Second
	// streamRetry is the wait before a client that lost the stream reconnects.
	streamRetry = 2 * time.Second
)

// stream serves one campaign's dashboard as server-sent events: the whole view at once, and
// again whenever it has changed, at most four times a second. A message's id is the view's
// entity tag, so a client that reconnects gets the view only if it differs.
func (a *API) stream(w http.ResponseWriter, r *http.Request, caller Identity) error {
	campaign, view, asOf, err := a.analyticsRequest(r)
	if err != nil {
		return err
	}
	if asOf != nil {
		return badRequest{"asOf: the past does not change; expected it at …/analytics"}
	}
	current, err := a.encode(r, campaign, view, caller)
	if err != nil {
		return err // before the first message an error is an ordinary response
	}
	leave, err := a.limits.streams.take()
	if err != nil {
		return err
	}
	defer leave()
	session, err := sse.Upgrade(w, r)
	if err != nil {
		return fmt.Errorf("open stream: %w", err)
	}
	rec := recording(w)
	rec.status = http.StatusOK
	rec.leave() // streams have slots of their own
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	s := &streaming{API: a, r: r, caller: caller, campaign: campaign, view: view, session: session, writes: http.NewResponseController(w)}
	s.sent = session.LastEventID.String()
	if r.Method == http.MethodHead {
		return nil
	}
	s.run(current)
	return nil
}

// streaming is one open stream. It belongs to the request's goroutine.
type streaming struct {
	*API
	r        *http.Request
	caller   Identity
	campaign events.Campaign
	view     dashboard.View
	session  *sse.Session
	writes   *http.ResponseController
	sent     string // the id of the client's last view
}

// run streams until the client leaves, its token expires, the campaign is withdrawn or moves to
// a shop that the caller may not see, or the server stops.
func (s *streaming) run(current *encoded) {
	ctx, cancel := context.WithCancel(s.r.Context())
	defer cancel()
	if !s.caller.Expires.IsZero() {
		expired := time.AfterFunc(s.caller.Expires.Sub(s.cfg.Now()), cancel)
		defer expired.Stop()
	}
	changed, stop := s.watch()
	defer stop()
	// A change between the first read and the watch is not reported, so the rows are
	// read again.
	if again, err := s.encode(s.r, s.campaign, s.view, s.caller); err == nil {
		current = again
	}
	if s.send(&sse.Message{Retry: streamRetry}) != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		if s.show(current) != nil {
			return
		}
		// The changes during the pause make one message.
		if !wait(ctx, s.cfg.Draining, streamPause) {
			return
		}
		switch s.next(ctx, current, changed, beat.C) {
		case ended:
			return
		case silent:
			ping := &sse.Message{}
			ping.AppendComment("still here")
			if s.send(ping) != nil {
				return
			}
			continue
		case mayHaveChanged:
		}
		s.view.Now = s.cfg.Now()
		next, err := s.encode(s.r, s.campaign, s.view, s.caller)
		if errors.Is(err, readmodel.ErrRebuilding) || errors.Is(err, readmodel.ErrNotFound) {
			// The last view is of a log that is no more, or of a campaign that the caller may
			// not see any more (I12): the client must ask anew.
			return
		}
		if err != nil {
			// The client keeps the last view, and the read is tried again.
			if !wait(ctx, s.cfg.Draining, streamPoll) {
				return
			}
			continue
		}
		current = next
	}
}

// occasion is the reason for the next step of a stream.
type occasion int

const (
	ended          occasion = iota // the client has left, or must leave
	silent                         // a heartbeat is due
	mayHaveChanged                 // the view may differ
)

// next waits for the next occasion.
func (s *streaming) next(ctx context.Context, current *encoded, changed <-chan struct{}, beat <-chan time.Time) occasion {
	var stale <-chan time.Time // a figure becomes stale with time alone
	if !current.until.IsZero() {
		timer := time.NewTimer(max(current.until.Sub(s.cfg.Now()), 0) + time.Millisecond)
		defer timer.Stop()
		stale = timer.C
	}
	select {
	case <-changed:
		return mayHaveChanged
	case <-stale:
		return mayHaveChanged
	case <-beat:
		return silent
	case <-ctx.Done():
		return ended
	case <-s.cfg.Draining:
		return ended
	}
}

// watch returns a channel that reports changes, or ticks where there is no freshness.
func (s *streaming) watch() (changed <-chan struct{}, stop func()) {
	if s.cfg.Freshness != nil {
		return s.cfg.Freshness.Watch(s.campaign)
	}
	ticks := make(chan struct{}, 1)
	timer := time.NewTicker(streamPoll)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-timer.C:
				select {
				case ticks <- struct{}{}:
				default:
				}
			case <-done:
				return
			}
		}
	}()
	return ticks, func() { timer.Stop(); close(done) }
}

// show sends a view, unless the client has it.
func (s *streaming) show(current *encoded) error {
	if current.etag == s.sent {
		return nil
	}
	m := &sse.Message{ID: sse.ID(current.etag), Type: sse.Type("dashboard")}
	m.AppendData(strings.TrimSuffix(string(current.body), "\n"))
	if err := s.send(m); err != nil {
		return err
	}
	s.sent = current.etag
	return nil
}

func (s *streaming) send(m *sse.Message) error {
	// The server's own deadline is for a whole response.
	if err := s.writes.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	if err := s.session.Send(m); err != nil {
		return err
	}
	return s.session.Flush()
}

// wait waits for d and reports whether the stream goes on.
func wait(ctx context.Context, draining <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-draining:
		return false
	}
}
