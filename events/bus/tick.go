package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
)

// ticks is a subscriber to time: each subscription gets an empty message at once and
// then one in each interval. The next one waits until the last one is acknowledged, in
// either way; those that fall into the wait are dropped.
type ticks struct {
	every  time.Duration
	closed chan struct{} // closed by Close
	wg     sync.WaitGroup

	mu    sync.Mutex
	ended bool // guarded by mu: closed is closed
}

var _ message.Subscriber = (*ticks)(nil)

// NewTicks returns a subscriber whose messages come every so often.
func NewTicks(every time.Duration) message.Subscriber {
	return &ticks{every: every, closed: make(chan struct{})}
}

// Subscribe implements [message.Subscriber].
func (t *ticks) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil, errors.New("subscribe to ticks: subscriber is closed")
	}
	out := make(chan *message.Message)
	ctx, cancel := context.WithCancel(ctx)
	t.wg.Go(func() {
		select {
		case <-t.closed:
		case <-ctx.Done():
		}
		cancel()
	})
	t.wg.Go(func() {
		defer close(out)
		defer cancel()
		ticker := time.NewTicker(t.every)
		defer ticker.Stop()
		for {
			msg := message.NewMessageWithContext(ctx, watermill.NewShortUUID(), nil)
			select {
			case out <- msg:
			case <-ctx.Done():
				return
			}
			select {
			case <-msg.Acked():
			case <-msg.Nacked():
			case <-ctx.Done():
				return
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return out, nil
}

// Close implements [message.Subscriber].
func (t *ticks) Close() error {
	t.mu.Lock()
	if !t.ended {
		t.ended = true
		close(t.closed)
	}
	t.mu.Unlock()
	t.wg.Wait()
	return nil
}
