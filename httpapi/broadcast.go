package httpapi

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/tmaxmax/go-sse"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

const (
	// streamPause is the least time between two views of a stream: the first change is shown
	// at once.
	streamPause = 250 * time.Millisecond
	// beatEvery is the time between two beats, by which a client knows that the stream is
	// alive and how far behind it is.
	beatEvery = 5 * time.Second
	// lookEvery is the time between two looks at the delay.
	lookEvery = 500 * time.Millisecond
	// streamPoll is the interval at which the rows are read where no freshness reports
	// changes, and after a read that failed.
	streamPoll = time.Second
)

// broadcasts are the views that streams show, each once for all its streams. It is safe for
// concurrent use.
type broadcasts struct {
	cfg       Config
	deflaters deflaters
	pulse     pulse
	retry     *message // says when a client that lost the stream reconnects

	mu sync.Mutex
	on map[viewKey]*broadcast // guarded by mu: those with streams
}

// viewKey identifies a view of a campaign.
type viewKey struct {
	campaign events.Campaign
	location string
	interval dashboard.Interval
	from, to time.Time
}

func newBroadcasts(cfg Config) *broadcasts {
	bs := &broadcasts{cfg: cfg, pulse: pulse{source: cfg.Liveness}, on: make(map[viewKey]*broadcast)}
	bs.retry = bs.deflaters.message(&sse.Message{Retry: streamRetry})
	return bs
}

// join returns the broadcast of a view, which is on until every stream that joined it has
// called leave.
func (bs *broadcasts) join(campaign events.Campaign, view dashboard.View) (b *broadcast, leave func()) {
	key := viewKey{campaign, view.Location.String(), view.Interval, view.From.UTC(), view.To.UTC()}
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b = bs.on[key]
	if b == nil {
		ctx, cancel := context.WithCancel(context.Background())
		b = &broadcast{all: bs, key: key, view: view, stop: cancel, shown: scene{next: make(chan struct{})}}
		bs.on[key] = b
		go b.run(ctx)
	}
	b.streams++
	return b, sync.OnceFunc(func() {
		bs.mu.Lock()
		defer bs.mu.Unlock()
		if b.streams--; b.streams == 0 {
			b.stop()
			bs.drop(b)
		}
	})
}

// drop has the next stream of the view begin another broadcast. It requires mu.
func (bs *broadcasts) drop(b *broadcast) {
	if bs.on[b.key] == b {
		delete(bs.on, b.key)
	}
}

// broadcast reads one view of a campaign whenever it may have changed, and encodes it once, and
// what has changed in it, for all streams that show it.
type broadcast struct {
	all     *broadcasts
	key     viewKey
	view    dashboard.View // of the goroutine that runs
	stop    context.CancelFunc
	streams int // guarded by all.mu

	mu    sync.Mutex
	shown scene // guarded by mu
}

// scene is what the streams of a broadcast show. It does not change once made.
type scene struct {
	view *encoded // nil until the first read
	// whole is the view; patch turns the one with the tag patched into it, and is nil where
	// there is none.
	whole, patch *message
	patched      string
	beat         *message      // the last one
	ended        bool          // the streams must end
	next         chan struct{} // closed once there is another scene
}

// now returns what streams show.
func (b *broadcast) now() scene {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shown
}

// show shows the scene that change makes of the last one.
func (b *broadcast) show(change func(*scene)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := b.shown.next
	change(&b.shown)
	b.shown.next = make(chan struct{})
	close(last)
}

// outcome is what a read of the rows led to.
type outcome struct {
	view *encoded
	err  error
}

// run shows the view until ctx ends.
func (b *broadcast) run(ctx context.Context) {
	defer b.all.pulse.use()()
	changed, unwatch := b.watch(ctx)
	defer unwatch()
	// A read runs beside this loop, so that beats come while a database does not answer.
	reads := make(chan outcome, 1)
	read := func(view dashboard.View) { go func() { reads <- b.read(ctx, view) }() }
	reading, again := true, false // again: there was a change since the read began
	read(b.view)
	var (
		pause  <-chan time.Time // after which the next read may begin; nil: at once
		stale  = stoppedTimer() // a view changes with time alone
		failed time.Time        // since when reads have failed; zero: the last one did not
		told   DelayReason
		beaten time.Time
	)
	defer stale.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	beat := func() {
		delay := b.all.pulse.now()
		if !failed.IsZero() {
			delay = delay.worse(Delay{time.Since(failed), DelayRows})
		}
		if reason := delay.told(); beaten.IsZero() || reason != told || time.Since(beaten) >= beatEvery-lookEvery/2 {
			told, beaten = reason, time.Now()
			m := b.all.deflaters.beat(b.all.cfg.Now(), delay)
			b.show(func(s *scene) { s.beat = m })
		}
	}
	beat()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			beat()
			continue
		case <-changed:
			again = true
		case <-stale.C:
			again = true
		case <-pause:
			pause = nil
		case got := <-reads:
			reading = false
			switch {
			case got.err == nil:
				failed = time.Time{}
				if b.viewed(got.view) { // else there may be a change any moment, which is not to wait
					pause = time.After(streamPause)
				}
				if until := got.view.until; !until.IsZero() {
					stale.Reset(max(until.Sub(b.all.cfg.Now()), 0) + time.Millisecond)
				}
			case errors.Is(got.err, readmodel.ErrRebuilding), errors.Is(got.err, readmodel.ErrNotFound):
				// The last view is of a log that is no more, or of a campaign that has been
				// withdrawn: the clients must ask anew.
				b.all.mu.Lock()
				b.all.drop(b)
				b.all.mu.Unlock()
				b.show(func(s *scene) { s.ended = true })
				return
			default:
				// The clients keep the last view, and the read is tried again.
				if failed.IsZero() {
					failed = time.Now()
				}
				again, pause = true, time.After(streamPoll)
			}
		}
		if again && !reading && pause == nil {
			again, reading = false, true
			stale.Stop()
			b.view.Now = b.all.cfg.Now()
			read(b.view)
		}
	}
}

// stoppedTimer returns a timer that does not fire before it is reset.
func stoppedTimer() *time.Timer {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return timer
}

// read reads the view and encodes it, unless it is the last one. Each stream checks whether its
// caller may see it.
func (b *broadcast) read(ctx context.Context, view dashboard.View) outcome {
	ctx, cancel := readRows(ctx)
	defer cancel()
	rows, err := b.all.cfg.Reader.Campaign(ctx, b.key.campaign, readmodel.Everything())
	if err != nil {
		return outcome{err: err}
	}
	if last := b.now().view; last != nil && last.revision == rows.Revision && (last.until.IsZero() || !view.Now.After(last.until)) {
		return outcome{view: last} // a change is signalled before it can be read, and then again
	}
	encoded, err := newEncoded(b.key.campaign, rows, view, wholeDashboard())
	return outcome{encoded, err}
}

// viewed shows a view, unless it is the last one, and reports whether it does.
func (b *broadcast) viewed(view *encoded) bool {
	last := b.now().view
	if last != nil && last.etag == view.etag {
		return false
	}
	whole := b.all.deflaters.view("dashboard", view.etag, view.body)
	var patch *message
	patched := ""
	if last != nil {
		if text, ok := dashboard.Patch(last.body, view.body); ok {
			patch, patched = b.all.deflaters.view("patch", view.etag, text), last.etag
		}
	}
	b.show(func(s *scene) { s.view, s.whole, s.patch, s.patched = view, whole, patch, patched })
	return true
}

// view returns the message of a view, or of what has changed in it.
func (d *deflaters) view(kind, etag string, text []byte) *message {
	m := &sse.Message{ID: sse.ID(etag), Type: sse.Type(kind)}
	m.AppendData(strings.TrimSuffix(string(text), "\n"))
	return d.message(m)
}

// watch returns a channel that reports changes, or ticks where there is no freshness.
func (b *broadcast) watch(ctx context.Context) (changed <-chan struct{}, stop func()) {
	if b.all.cfg.Freshness != nil {
		return b.all.cfg.Freshness.Watch(b.key.campaign)
	}
	ticks := make(chan struct{}, 1)
	timer := time.NewTicker(streamPoll)
	go func() {
		for {
			select {
			case <-timer.C:
				select {
				case ticks <- struct{}{}:
				default:
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return ticks, timer.Stop
}
