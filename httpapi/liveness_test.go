package httpapi_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/httpapi"
)

// delays is a liveness that tests decide on.
type delays struct {
	now   atomic.Pointer[httpapi.Delay]
	looks atomic.Int64
	stuck atomic.Pointer[chan struct{}] // looks end when it is closed; nil: at once
}

func (d *delays) Delay(context.Context) httpapi.Delay {
	d.looks.Add(1)
	if free := d.stuck.Load(); free != nil {
		<-*free // which the context's end does not do
	}
	if now := d.now.Load(); now != nil {
		return *now
	}
	return httpapi.Delay{}
}

// beat returns the reason of the delay that the next beat tells, and how long it is.
func (s *opened) beat(t *testing.T) (reason string, seconds int) {
	t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case e, ok := <-s.events:
			if !ok {
				t.Fatal("the stream has ended")
			}
			if e.Type != "beat" {
				continue
			}
			var value any
			var beat struct {
				Delayed *struct {
					Seconds int
					Reason  string
				}
			}
			if json.Unmarshal([]byte(e.Data), &value) != nil || json.Unmarshal([]byte(e.Data), &beat) != nil {
				t.Fatalf("beat %s", e.Data)
			}
			if err := s.b.contract.Components.Schemas["Beat"].Value.VisitJSON(value); err != nil {
				t.Errorf("a beat breaks the contract: %v: %s", err, e.Data)
			}
			if beat.Delayed == nil {
				return "", 0
			}
			return beat.Delayed.Reason, beat.Delayed.Seconds
		case <-deadline:
			t.Fatal("no beat")
		}
	}
}

// TestStreamBeats: a stream says every 5 s that it is alive, and at once that it is behind, by
// how much and why, and that it no longer is (I15).
func TestStreamBeats(t *testing.T) {
	t.Parallel()
	d := &delays{}
	b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness, cfg.Liveness = &fresh{}, d })
	b.fold(t, campaign("evt-1", "store-1")...)
	s := b.open(t)
	if reason, _ := s.beat(t); reason != "" {
		t.Errorf("at first: delayed by %s", reason)
	}
	first := time.Now()
	if reason, _ := s.beat(t); reason != "" || time.Since(first) > 5500*time.Millisecond || time.Since(first) < 4*time.Second {
		t.Errorf("the next beat: %q after %v", reason, time.Since(first))
	}
	for _, delay := range []httpapi.Delay{
		{Behind: 3 * time.Second, Reason: httpapi.DelayPaused},
		{Behind: 7500 * time.Millisecond, Reason: httpapi.DelayLog},
		{Behind: time.Second, Reason: httpapi.DelayRows}, // not worth a word
	} {
		d.now.Store(&delay)
		reason, seconds := s.beat(t)
		switch want := int(delay.Behind / time.Second); {
		case want < 2 && reason != "":
			t.Errorf("%v: delayed by %s", delay, reason)
		case want > 2 && (reason != string(delay.Reason) || seconds != want):
			t.Errorf("%v: %s for %d s", delay, reason, seconds)
		}
	}
	free := make(chan struct{})
	d.stuck.Store(&free)
	if reason, _ := s.beat(t); reason != "unknown" {
		t.Errorf("where it cannot be told: %q", reason)
	}
	close(free)
	if reason, _ := s.beat(t); reason != "" {
		t.Errorf("once it can be told again: %q", reason)
	}
	// Without a stream nothing looks.
	_ = s.body.Close()
	for last, deadline := int64(-1), time.Now().Add(patience); last != d.looks.Load(); time.Sleep(1500 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is still looked at")
		}
		last = d.looks.Load()
	}
}

// TestStreamOfUnreadableRows: where one campaign cannot be read, its stream says so, and keeps
// its last view until it can.
func TestStreamOfUnreadableRows(t *testing.T) {
	t.Parallel()
	f := &fresh{}
	b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness, cfg.Liveness = f, &delays{} })
	b.fold(t, campaign("evt-1", "store-1")...)
	s := b.open(t)
	s.next(t)
	b.store.broken.Store(true)
	f.changed("evt-1")
	for reason := ""; reason != "rows"; reason, _ = s.beat(t) {
	}
	b.store.broken.Store(false)
	b.fold(t, registered(1))
	if e := s.event(t); e.Type != "patch" {
		t.Errorf("once they can be read: %s", e.Type)
	}
	if reason, _ := s.beat(t); reason != "" {
		t.Errorf("delayed by %s", reason)
	}
}
