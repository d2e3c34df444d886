package httpapi

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/tmaxmax/go-sse"
)

// DelayReason says why what is served is behind.
type DelayReason string

// The reasons.
const (
	DelayRows    DelayReason = "rows"    // the rows cannot be read, or are not being folded
	DelayLog     DelayReason = "log"     // the log cannot be read
	DelayPaused  DelayReason = "paused"  // an operator has paused a projection
	DelayUnknown DelayReason = "unknown" // it cannot be told
)

// Delay is how far what is served is behind the log.
type Delay struct {
	Behind time.Duration // 0: not at all
	Reason DelayReason
}

// Liveness tells how far what is served is behind the log (I15).
type Liveness interface {
	// Delay returns how far what is served is behind the log now. It is called
	// twice a second while there are streams, from one goroutine, and reports within the
	// context's deadline also where databases do not answer.
	Delay(ctx context.Context) Delay
}

const (
	// delayedAfter is the longest delay that is not worth a word.
	delayedAfter = 2 * time.Second
	// delayEvery is the time between two looks at the delay, delayWithin the most that one may
	// take, and delayStuck how long after one it cannot be told any more.
	delayEvery  = 500 * time.Millisecond
	delayWithin = time.Second
	delayStuck  = 3 * time.Second
)

// told returns the reason of a delay that is worth a word; else the empty one.
func (d Delay) told() DelayReason {
	if d.Behind > delayedAfter {
		return d.Reason
	}
	return ""
}

// worse returns the longer of two delays.
func (d Delay) worse(other Delay) Delay {
	if other.Behind > d.Behind {
		return other
	}
	return d
}

// beat returns the message that tells that the stream is alive, and the delay.
func (d *deflaters) beat(now time.Time, delay Delay) *message {
	type delayed struct {
		Seconds int64       `json:"seconds"`
		Reason  DelayReason `json:"reason"`
	}
	beat := struct {
		At      time.Time `json:"at"`
		Delayed *delayed  `json:"delayed"`
	}{At: now.UTC().Truncate(time.Second)}
	if delay.told() != "" {
		beat.Delayed = &delayed{int64(delay.Behind / time.Second), delay.Reason}
	}
	text, _ := json.Marshal(beat) // of our own types
	m := &sse.Message{Type: sse.Type("beat")}
	m.AppendData(string(text))
	return d.message(m)
}

// pulse looks at the delay while there are streams. It is safe for concurrent use.
type pulse struct {
	source Liveness // nil: there never is a delay

	mu    sync.Mutex
	users int                // guarded by mu
	stop  context.CancelFunc // guarded by mu: ends the goroutine that looks while there are users
	delay Delay              // guarded by mu: what the last look found
	at    time.Time          // guarded by mu: when that look began
}

// use has the pulse look until the returned function is called.
func (p *pulse) use() (stop func()) {
	if p.source == nil {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users++; p.users == 1 {
		var ctx context.Context
		ctx, p.stop = context.WithCancel(context.Background())
		p.delay, p.at = Delay{}, time.Now()
		go p.run(ctx)
	}
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.users--; p.users == 0 {
			p.stop()
		}
	})
}

// run looks until ctx ends.
func (p *pulse) run(ctx context.Context) {
	tick := time.NewTicker(delayEvery)
	defer tick.Stop()
	for {
		began := time.Now()
		look, cancel := context.WithTimeout(ctx, delayWithin)
		delay := p.source.Delay(look)
		cancel()
		p.mu.Lock()
		if ctx.Err() == nil { // else what was found may by now be another goroutine's to say
			p.delay, p.at = delay, began
		}
		p.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// now returns the delay. Where no look has ended for long, it cannot be told what is served.
func (p *pulse) now() Delay {
	p.mu.Lock()
	defer p.mu.Unlock()
	if since := time.Since(p.at); p.users > 0 && since > delayStuck {
		return p.delay.worse(Delay{since, DelayUnknown})
	}
	return p.delay
}
