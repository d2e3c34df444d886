package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"

	"jangbu/events"
)

// maxFailing bounds the messages that are remembered because they failed.
const maxFailing = 1000

const (
	failures     = "jangbu_failures_total"
	failuresHelp = "What this process has tried in vain, by part: log, an append or a burial; ingest, a frame of records; poll, a tick of a channel API; project, a term as the leader."
)

// Messages remembers which messages of the router, frames and ticks, have failed and not yet
// succeeded. It is safe for concurrent use.
type Messages struct {
	mu       sync.Mutex
	failures map[string]int64   // by part; guarded by mu
	failing  map[string]failing // guarded by mu
}

// failing is a message that was tried and has not succeeded.
type failing struct {
	part, what string
	attempts   int
	last       time.Time
	err        error
}

// NewMessages returns Messages that remember none.
func NewMessages() *Messages {
	return &Messages{failures: map[string]int64{"ingest": 0, "poll": 0}, failing: make(map[string]failing)}
}

// Watch is a middleware of the router.
func (m *Messages) Watch(handle message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		produced, err := handle(msg)
		part, what, _ := strings.Cut(message.HandlerNameFromCtx(msg.Context()), " ")
		key := part + " " + msg.UUID // a frame that comes again has the same
		if part != "ingest" {
			part, key = "poll", what
		}
		m.note(part, what, key, err)
		return produced, err
	}
}

func (m *Messages) note(part, what, key string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch was, ok := m.failing[key]; {
	case err == nil:
		delete(m.failing, key)
	case errors.Is(err, context.Canceled), errors.Is(err, events.ErrBehind): // it is given up, or another process's
	case ok || len(m.failing) < maxFailing:
		m.failing[key] = failing{part, what, was.attempts + 1, time.Now(), err}
		m.failures[part]++
	default:
		m.failures[part]++
	}
}

// err returns an error where a message of the part has failed twice, and was tried not long ago:
// later, another process may have taken it.
func (m *Messages) err(part string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var worst failing
	waiting := 0
	for key, f := range m.failing {
		if time.Since(f.last) > tolerated {
			delete(m.failing, key)
			continue
		}
		if f.part == part && f.attempts > 1 {
			waiting++
			if f.attempts > worst.attempts {
				worst = f
			}
		}
	}
	if waiting == 0 {
		return nil
	}
	return fmt.Errorf("%s: %d attempts have failed, the last %v ago: %w", worst.what, worst.attempts, time.Since(worst.last).Round(time.Second), worst.err)
}

// Describe implements [prometheus.Collector].
func (m *Messages) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements [prometheus.Collector].
func (m *Messages) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for part, n := range m.failures {
		sink{ch}.counter(failures, failuresHelp, float64(n), prometheus.Labels{"part": part})
	}
}
