package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"

	"jangbu/events"
	"jangbu/readmodel/dashboard"
)

const (
	// streamPause is the least time between two views of a stream.
	streamPause = 250 * time.Millisecond
	// heartbeat is the longest silence of a stream, in which a proxy might think
	// that nobody is there.
	heartbeat = 15 * time.Second
	// streamWrite is how long a client may take to read what it is sent.
	streamWrite = 10 * time.Second
	// streamPoll is how often a stream looks whether something has changed where
	// nobody tells it.
	streamPoll = time.Second
	// streamRetry is when a client should come back that has lost the stream.
	streamRetry = 2 * time.Second
)

// stream serves one campaign's dashboard as server-sent events: the whole view at
// once, and again whenever it has changed, at most four times a second. An event's
// id is the view's entity tag: a client that comes back with it gets the view only
// where it is another one.
func (a *API) stream(w http.ResponseWriter, r *http.Request, who Identity) error {
	campaign, view, asOf, err := a.analyticsRequest(r)
	if err != nil {
		return err
	}
	if asOf != nil {
		return badRequest{"asOf: the past does not change; expected it at …/analytics"}
	}
	current, err := a.encode(r, campaign, view, who)
	if err != nil {
		return err // before the first event an error is an answer like any other
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
	rec.leave() // it is no request at work any more
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	s := &streaming{API: a, r: r, who: who, campaign: campaign, view: view, session: session, writes: http.NewResponseController(w)}
	s.sent = session.LastEventID.String()
	if r.Method == http.MethodHead {
		return nil
	}
	s.run(current)
	return nil
}

// streaming is one open stream.
type streaming struct {
	*API
	r        *http.Request
	who      Identity
	campaign events.Campaign
	view     dashboard.View
	session  *sse.Session
	writes   *http.ResponseController
	sent     string // the id of the last view that the client has
}

// run streams until the client goes, its token expires, or the server stops.
func (s *streaming) run(current *answer) {
	ctx, cancel := context.WithCancel(s.r.Context())
	defer cancel()
	if !s.who.Expires.IsZero() {
		expired := time.AfterFunc(s.who.Expires.Sub(s.cfg.Now()), cancel)
		defer expired.Stop()
	}
	changed, stop := s.watch()
	defer stop()
	// Of what has changed since the first look nobody tells who did not watch yet.
	if again, err := s.encode(s.r, s.campaign, s.view, s.who); err == nil {
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
		// What changes meanwhile comes together.
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
		next, err := s.encode(s.r, s.campaign, s.view, s.who)
		if err != nil {
			// The client keeps what it has; what comes next is tried anew.
			if !wait(ctx, s.cfg.Draining, streamPoll) {
				return
			}
			continue
		}
		current = next
	}
}

// occasion is why a stream goes on.
type occasion int

const (
	ended          occasion = iota // the client has gone, or is to go
	silent                         // nothing has happened for a while
	mayHaveChanged                 // the view may be another one
)

// next waits for the next occasion.
func (s *streaming) next(ctx context.Context, current *answer, changed <-chan struct{}, beat <-chan time.Time) occasion {
	var stale <-chan time.Time // a figure becomes stale by itself
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

// watch returns what tells of changes: the freshness, or else the clock.
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

// show sends a view that the client does not have yet.
func (s *streaming) show(current *answer) error {
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
	// The server's own limit is for a whole answer.
	if err := s.writes.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	if err := s.session.Send(m); err != nil {
		return err
	}
	return s.session.Flush()
}

// wait lets time pass and reports whether the stream goes on.
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
