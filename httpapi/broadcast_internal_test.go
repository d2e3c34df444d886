package httpapi

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// changing is a campaign of which a change is signalled before it can be read, and again once it
// can, as a cache does.
type changing struct {
	readmodel.Reader
	signal chan struct{}

	mu           sync.Mutex
	participants int64 // guarded by mu
}

// Campaign implements [readmodel.Reader].
func (c *changing) Campaign(context.Context, events.Campaign, readmodel.Scope) (readmodel.CampaignRows, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rows := readmodel.NewCampaignRows()
	stats := rows.Append(readmodel.CampaignStatsTable()).(*readmodel.CampaignStats)
	stats.Campaign, stats.Participants, stats.Position = "evt-1", c.participants, events.Position(c.participants)
	rows.Revision.Position = stats.Position
	return rows, nil
}

// Current implements [readmodel.Freshness].
func (*changing) Current(events.Campaign, readmodel.Revision) bool { return false }

// Watch implements [readmodel.Freshness].
func (c *changing) Watch(events.Campaign) (<-chan struct{}, func()) { return c.signal, func() {} }

// change makes a change that can be read after a while.
func (c *changing) change(after time.Duration) {
	c.signal <- struct{}{}
	time.Sleep(after)
	c.mu.Lock()
	c.participants++
	c.mu.Unlock()
	c.signal <- struct{}{}
}

// TestChangesAreShownAtOnce: the first change is shown as soon as it can be read, and what
// follows at most every 250 ms.
func TestChangesAreShownAtOnce(t *testing.T) {
	t.Parallel()
	const readable = 5 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		c := &changing{signal: make(chan struct{}, 1)}
		b, leave := newBroadcasts(Config{Reader: c, Freshness: c, Now: time.Now}).join("evt-1", dashboard.View{Now: time.Now(), Location: time.UTC})
		defer synctest.Wait()
		defer leave()
		var shown []time.Time
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for last := ""; ; {
				now := b.now()
				if now.view != nil && now.view.etag != last {
					last = now.view.etag
					shown = append(shown, time.Now())
				}
				select {
				case <-now.next:
				case <-ctx.Done():
					return
				}
			}
		}()
		// since returns how long after a moment each view was shown, and forgets them.
		since := func(at time.Time) (after []time.Duration) {
			synctest.Wait()
			for _, view := range shown {
				after = append(after, view.Sub(at))
			}
			shown = nil
			return after
		}
		time.Sleep(time.Minute)
		if got := since(time.Now()); len(got) != 1 {
			t.Fatalf("views %v before now, want the first", got)
		}
		for range 3 {
			at := time.Now()
			c.change(readable)
			if got := since(at); !slices.Equal(got, []time.Duration{readable}) {
				t.Errorf("a change is shown after %v, want at once: %v", got, readable)
			}
			time.Sleep(streamPause)
		}
		at := time.Now()
		for range 100 {
			c.change(readable)
			time.Sleep(readable)
		}
		time.Sleep(streamPause)
		if got, want := since(at), []time.Duration{readable, readable + streamPause, readable + 2*streamPause, readable + 3*streamPause, readable + 4*streamPause}; !slices.Equal(got, want) {
			t.Errorf("100 changes within a second are shown after %v, want %v", got, want)
		}
	})
}
