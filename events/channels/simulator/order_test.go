package simulator_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"time"

	"jangbu/events/channels/simulator"
)

// waitFor wants a condition to come true.
func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// TestOrderHoldsForTheVeryNextCall orders what a kept connection or a resumed
// session would hide.
func TestOrderHoldsForTheVeryNextCall(t *testing.T) {
	t.Parallel()
	b := setup(t, 0)
	const a = simulator.GenieTV
	const rounds = 30
	for range rounds {
		b.mustGet(t, a, "e")
		b.Order(a, simulator.TLSExpired)
		if _, err := b.get(t, a, "e"); !isExpired(err) {
			t.Fatalf("%q was ordered: %v", simulator.TLSExpired, err)
		}
		b.Order(a, simulator.TLSWrongHost)
		if _, err := b.get(t, a, "e"); !isForAnotherHost(err) {
			t.Fatalf("%q was ordered: %v", simulator.TLSWrongHost, err)
		}
		b.Order(a, simulator.Status500)
		if got, err := b.get(t, a, "e"); err != nil || got.status != http.StatusInternalServerError {
			t.Fatalf("%q was ordered: %v, status %d", simulator.Status500, err, got.status)
		}
		b.Order(a, "")
	}
	if got := b.Calls(a); got != 2*rounds {
		t.Errorf("%d calls, want %d", got, 2*rounds)
	}
}

func TestConnectionsAreKeptUntilTheNextOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, 0)
	reused := func() bool {
		var reused bool
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }})
		got, err := b.call(ctx, http.MethodGet, b.URL(simulator.SNS)+path(simulator.SNS, "e"), header(simulator.SNS), 1<<20)
		if err != nil || got.status != http.StatusOK {
			t.Fatalf("%v, status %d", err, got.status)
		}
		return reused
	}
	if reused() {
		t.Error("the first call found a connection")
	}
	if !reused() {
		t.Error("the second call found no connection")
	}
	b.Order(simulator.WooridongneTV, simulator.Hang)
	if !reused() {
		t.Error("an order of one API closed the connections of another")
	}
	b.Order(simulator.SNS, "")
	if reused() {
		t.Error("a connection outlived an order")
	}
}

func TestCallGoesOnAsItWasWhenItsHeadArrived(t *testing.T) {
	t.Parallel()
	b := setup(t, 0)
	const a = simulator.SNS
	b.Order(a, simulator.Hang)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := b.call(ctx, http.MethodGet, b.URL(a)+path(a, "e"), header(a), 1<<20)
		done <- err
	}()
	waitFor(t, "the call", func() bool { return b.CallsFor(a, "e") == 1 })
	b.Order(a, "")
	b.mustGet(t, a, "e")
	select {
	case err := <-done:
		t.Errorf("the call that hung ended by an order: %v", err)
	default:
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// handshaking makes a call that reports when it has got its connection.
func (b *testBundle) handshaking(t *testing.T, a simulator.API) (started <-chan struct{}, done <-chan error) {
	connected, ended := make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{TLSHandshakeStart: sync.OnceFunc(func() { close(connected) })})
	go func() {
		defer cancel()
		got, err := b.call(ctx, http.MethodGet, b.URL(a)+path(a, "e"), header(a), 1<<20)
		if err == nil && got.status != http.StatusOK {
			err = errors.New(http.StatusText(got.status))
		}
		ended <- err
	}()
	return connected, ended
}

func TestSlowAcceptEndsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, 0)
	const a = simulator.WooridongneTV
	for _, next := range []simulator.Fault{"", simulator.Shrinking} {
		b.Order(a, simulator.SlowAccept)
		var all []<-chan error
		for range 3 {
			started, done := b.handshaking(t, a)
			<-started
			all = append(all, done)
		}
		b.Order(a, next)
		for _, done := range all {
			if err := <-done; err != nil {
				t.Errorf("a connection made under %q, after %q: %v", simulator.SlowAccept, next, err)
			}
		}
	}
}

func TestCloseEndsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	for _, fault := range []simulator.Fault{simulator.Hang, simulator.SlowHeader, simulator.SlowBody, simulator.HugeBody, simulator.SlowAccept} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			b := setup(t, 0)
			gone := make(chan error, len(simulator.APIs()))
			for _, a := range simulator.APIs() {
				b.Order(a, fault)
				if fault == simulator.SlowAccept {
					started, done := b.handshaking(t, a)
					<-started
					go func() { gone <- <-done }()
					continue
				}
				go func() {
					// It reads the head only: the server may be stuck in a write.
					r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL(a)+path(a, "e"), nil)
					if err != nil {
						gone <- err
						return
					}
					r.Header = header(a)
					res, err := b.client.Do(r)
					if err == nil {
						t.Cleanup(func() { _ = res.Body.Close() })
					}
					gone <- err
				}()
				waitFor(t, "the call", func() bool { return b.Calls(a) == 1 })
			}
			if fault == simulator.SlowBody || fault == simulator.HugeBody {
				for range simulator.APIs() {
					if err := <-gone; err != nil {
						t.Error(err)
					}
				}
			}
			began := time.Now()
			if err := b.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if took := time.Since(began); took > 2*time.Second { // TLS says farewell for five
				t.Errorf("close took %v", took)
			}
			if fault == simulator.Hang || fault == simulator.SlowHeader || fault == simulator.SlowAccept {
				for range simulator.APIs() {
					if err := <-gone; err == nil {
						t.Error("a call was answered")
					}
				}
			}
			if err := b.Close(); err != nil {
				t.Errorf("close again: %v", err)
			}
		})
	}
}

func TestUnknownNamesPanic(t *testing.T) {
	t.Parallel()
	b := setup(t, 0)
	for what, call := range map[string]func(){
		"Order of an API":  func() { b.Order("tv", simulator.Hang) },
		"Order of a fault": func() { b.Order(simulator.SNS, "bang") },
		"URL":              func() { b.URL("tv") },
		"Calls":            func() { b.Calls("tv") },
		"CallsFor":         func() { b.CallsFor("tv", "e") },
		"what is ordered":  func() { b.Ordered("tv") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			call()
		}()
	}
	if got := b.Ordered(simulator.SNS); got != "" {
		t.Errorf("%q is ordered", got)
	}
}
