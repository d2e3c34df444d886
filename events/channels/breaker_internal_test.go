package channels

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"jangbu/events"
)

// model says what a breaker must do, written from the words of its design.
type model struct {
	state  State
	since  time.Time // of the state; buckets are counted from it
	opened time.Time
	calls  []call // since the breaker was last closed
}

type call struct {
	at     time.Time // when it began
	failed bool
}

// pass reports whether a call that begins now may pass.
func (m *model) pass(now time.Time) bool {
	if m.state == Open && now.After(m.opened.Add(DefaultOpenFor)) {
		m.state = HalfOpen
	}
	return m.state != Open
}

// ended notes a call that passed.
func (m *model) ended(c call, now time.Time) {
	switch {
	case m.state == HalfOpen && c.failed:
		m.state, m.opened = Open, now
	case m.state == HalfOpen:
		m.state, m.since, m.calls = Closed, now, nil
	case m.state == Closed:
		m.calls = append(m.calls, c)
		if !c.failed {
			return // only a failure opens it
		}
		total, failed := 0, 0
		for _, c := range m.calls {
			// The window moves on by whole buckets.
			if m.bucket(now)-m.bucket(c.at) < int64(breakerWindow/breakerBucket) {
				total++
				if c.failed {
					failed++
				}
			}
		}
		if total >= 5 && 2*failed > total {
			m.state, m.opened = Open, now
		}
	}
}

func (m *model) bucket(t time.Time) int64 { return int64(t.Sub(m.since) / breakerBucket) }

var errFailed = errors.New("failed")

// TestBreakerDoesWhatTheModelDoes drives two breakers, of which the second must
// take no notice of the first, with a clock of the test's own.
func TestBreakerDoesWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	opened, probes := 0, 0
	synctest.Test(t, func(t *testing.T) {
		// Not a *testing.T: rapid would ask it for its deadline, which no bubble has.
		rapid.Check(struct{ testing.TB }{t}, func(t *rapid.T) {
			var changes []string
			m := &model{state: Closed, since: time.Now()}
			b := newBreaker("one", DefaultOpenFor, func(from, to State) { changes = append(changes, fmt.Sprint(from, " to ", to)) })
			other := newBreaker("other", DefaultOpenFor, func(from, to State) { t.Fatalf("the other breaker went from %s to %s", from, to) })
			for range rapid.IntRange(1, 80).Draw(t, "calls") {
				time.Sleep(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 500, 4_000, 9_999, 10_000, 29_999, 30_000, 30_001, 60_000}).Draw(t, "ms")) * time.Millisecond)
				failed := rapid.IntRange(0, 99).Draw(t, "fails") < 55
				took := time.Duration(rapid.SampledFrom([]int{0, 0, 50, 10_000}).Draw(t, "takes")) * time.Millisecond
				before, began := m.state, time.Now()
				want := m.pass(began)
				passed := false
				_, err := throughBreaker(b, func() ([]*events.ChannelStatsFetched, error) {
					passed = true
					time.Sleep(took)
					if failed {
						return nil, errFailed
					}
					return nil, nil
				})
				if passed != want || passed == errors.Is(err, errOpen) {
					t.Fatalf("a call passes: %t, want %t; error %v", passed, want, err)
				}
				if passed {
					if m.state == HalfOpen {
						probes++
					}
					m.ended(call{began, failed}, time.Now())
				}
				if before == Closed && m.state == Open {
					opened++
				}
				m.pass(time.Now()) // half-opens with time
				if got := stateOf(b.State()); got != m.state {
					t.Fatalf("breaker is %s, want %s", got, m.state)
				}
				if _, err := throughBreaker(other, func() ([]*events.ChannelStatsFetched, error) { return nil, nil }); err != nil {
					t.Fatalf("the other breaker: %v", err)
				}
			}
		})
	})
	if opened < 20 || probes < 20 {
		t.Errorf("opened %d times, %d probes: the model was not tried", opened, probes)
	}
}

// TestBreakerAtTheEdges names what the model implies.
func TestBreakerAtTheEdges(t *testing.T) {
	t.Parallel()
	do := func(b *breaker, failures, successes int) {
		for range successes {
			_, _ = throughBreaker(b, func() ([]*events.ChannelStatsFetched, error) { return nil, nil })
		}
		for range failures {
			_, _ = throughBreaker(b, func() ([]*events.ChannelStatsFetched, error) { return nil, errFailed })
		}
	}
	for _, test := range []struct {
		name                string
		failures, successes int
		want                State
	}{
		{"four failures are too few", 4, 0, Closed},
		{"five failures", 5, 0, Open},
		{"exactly half of six", 3, 3, Closed},
		{"exactly half of ten", 5, 5, Closed},
		{"more than half of seven", 4, 3, Open},
		{"three of five", 3, 2, Open},
		{"two of five", 2, 3, Closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBreaker("b", DefaultOpenFor, func(State, State) {})
				do(b, test.failures, test.successes)
				if got := stateOf(b.State()); got != test.want {
					t.Errorf("breaker is %s, want %s", got, test.want)
				}
			})
		})
	}

	t.Run("failures are forgotten after half a minute", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := newBreaker("b", DefaultOpenFor, func(State, State) {})
			do(b, 4, 0)
			time.Sleep(breakerWindow)
			do(b, 4, 0)
			if got := stateOf(b.State()); got != Closed {
				t.Errorf("breaker is %s", got)
			}
		})
	})

	t.Run("half-open at thirty seconds, for one call", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := newBreaker("b", DefaultOpenFor, func(State, State) {})
			do(b, 5, 0)
			time.Sleep(DefaultOpenFor - time.Millisecond)
			if got := stateOf(b.State()); got != Open {
				t.Errorf("just before: breaker is %s", got)
			}
			time.Sleep(2 * time.Millisecond)
			if got := stateOf(b.State()); got != HalfOpen {
				t.Errorf("just after: breaker is %s", got)
			}
			release, probing := make(chan struct{}), make(chan error, 1)
			go func() {
				_, err := throughBreaker(b, func() ([]*events.ChannelStatsFetched, error) { <-release; return nil, nil })
				probing <- err
			}()
			synctest.Wait()
			if _, err := throughBreaker(b, func() ([]*events.ChannelStatsFetched, error) { return nil, nil }); !errors.Is(err, errOpen) {
				t.Errorf("a second call beside the probe: %v", err)
			}
			close(release)
			if err := <-probing; err != nil || stateOf(b.State()) != Closed {
				t.Errorf("after a good probe: %v, breaker is %s", err, stateOf(b.State()))
			}
		})
	})
}
