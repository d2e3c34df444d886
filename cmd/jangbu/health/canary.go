package health

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/projections"
)

const (
	// CanaryEvery is how often a canary is sent.
	CanaryEvery = time.Minute
	// While it is waited for, it is looked for after a tenth of the time that it has taken so far,
	// within these.
	minLook, maxLook = 10 * time.Millisecond, time.Second
)

// Canary measures from topic to served row: once a minute it sends a record, and waits until the
// log has read the partition past it, and then until the rows that are served hold every event that
// the log has by then. A reader then sees all that was produced to the partition before the canary.
//
// The canary itself becomes no event and no dead letter, so no owner's number, and no total, has it;
// that is why it can be sent also when nothing else comes. Run belongs to one goroutine; the other
// methods may be called by any.
type Canary struct {
	cfg   Config
	topic string
	send  func() (partition int32, offset int64, err error)
	every time.Duration

	mu     sync.Mutex
	since  time.Time     // guarded by mu; when the first one was sent that is not served; zero: all are
	took   time.Duration // guarded by mu; of the last one that was served
	at     time.Time     // guarded by mu; when it was
	served int64         // guarded by mu
	lost   int64         // guarded by mu; those that were not served before the next was sent
}

// NewCanary returns one that send sends to a topic; 0 sends it every [CanaryEvery].
func NewCanary(cfg Config, topic string, every time.Duration, send func() (partition int32, offset int64, err error)) *Canary {
	return &Canary{cfg: cfg, topic: topic, send: send, every: cmp.Or(every, CanaryEvery)}
}

// Run sends canaries until ctx ends, the first after the time that lies between two: a process that
// is started for a moment sends none.
func (c *Canary) Run(ctx context.Context) {
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.fly(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// fly sends one and notes how long it took, or that it was not served before the next.
func (c *Canary) fly(ctx context.Context) {
	began := time.Now()
	c.mu.Lock()
	if c.since.IsZero() {
		c.since = began
	}
	c.mu.Unlock()
	within, cancel := context.WithTimeout(ctx, c.every)
	defer cancel()
	err := c.arrive(within, began)
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.lost++
		c.cfg.Logger.WarnContext(ctx, "health: a canary was not served before the next", slog.String("topic", c.topic), slog.Any("error", err))
		return
	}
	c.served++
	c.since, c.took, c.at = time.Time{}, time.Since(began), time.Now()
}

// arrive returns nil once a canary is served.
func (c *Canary) arrive(ctx context.Context, began time.Time) error {
	var partition int32
	var offset int64
	var head events.Position
	sent, read := false, false
	for {
		var err error
		switch {
		case !sent:
			partition, offset, err = c.launch(ctx)
			sent = err == nil
		case !read:
			if read, err = c.read(ctx, partition, offset); read {
				var totals events.Totals
				totals, err = c.cfg.Log.Totals(ctx)
				head, read = totals.Head, err == nil
			}
		default:
			var served bool
			if served, err = c.folded(ctx, head); served {
				return nil
			}
		}
		timer := time.NewTimer(min(max(time.Since(began)/10, minLook), maxLook))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("sent: %v, read: %v, served: no: %w", sent, read, cmp.Or(err, ctx.Err()))
		}
	}
}

// launch sends one. A client of Kafka may take longer than ctx to give up, and is not waited for.
func (c *Canary) launch(ctx context.Context) (partition int32, offset int64, err error) {
	type place struct {
		partition int32
		offset    int64
		err       error
	}
	sent := make(chan place, 1)
	go func() {
		var at place
		at.partition, at.offset, at.err = c.send()
		sent <- at
	}()
	select {
	case at := <-sent:
		return at.partition, at.offset, at.err
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
}

// read reports whether the log has read the partition past an offset.
func (c *Canary) read(ctx context.Context, partition int32, offset int64) (bool, error) {
	states, err := c.cfg.Log.Sources().List(ctx)
	for _, s := range states {
		if s.Topic == c.topic && s.Partition == partition {
			return s.Next > offset, err
		}
	}
	return false, err
}

// folded reports whether the rows that are served hold all events up to a head.
func (c *Canary) folded(ctx context.Context, head events.Position) (bool, error) {
	generations, err := c.cfg.Rows.List(ctx)
	if err != nil {
		return false, err
	}
	at := make(map[string]events.Position)
	for _, g := range generations {
		if g.Active {
			at[g.Projection] = g.Position
		}
	}
	for _, p := range projections.All() {
		if at[p.Name()] < head {
			return false, nil
		}
	}
	return true, nil
}

// part is what /readyz says of the way from topic to row.
func (c *Canary) part() httpapi.Part {
	c.mu.Lock()
	defer c.mu.Unlock()
	part := httpapi.Part{Name: "pipe"}
	if !c.since.IsZero() && time.Since(c.since) > tolerated {
		part.Err = fmt.Errorf("what is sent to %s is not served: a record has been on its way for %v", c.topic, time.Since(c.since).Round(time.Second))
	}
	return part
}

// Describe implements [prometheus.Collector]. It names no metrics, which are there once a canary was sent.
func (c *Canary) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c *Canary) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	to := sink{ch}
	var waiting time.Duration
	if !c.since.IsZero() {
		waiting = time.Since(c.since)
	}
	to.gauge("jangbu_end_to_end_waiting_seconds", "How long the first canary has been on its way that is not served; 0 where each is.", waiting.Seconds(), nil)
	took := max(c.took, waiting)
	if took > 0 {
		to.gauge("jangbu_end_to_end_seconds", "How long the last canary took from its topic until the rows that are served held all before it, or how long one has been on its way, if that is longer.", took.Seconds(), nil)
	}
	if !c.at.IsZero() {
		to.gauge("jangbu_end_to_end_success_timestamp_seconds", "When a canary was last served.", float64(c.at.UnixMilli())/1000, nil)
	}
	for result, n := range map[string]int64{"served": c.served, "lost": c.lost} {
		to.counter("jangbu_canaries_total", "Canaries by result: served, or lost, which were not served before the next was sent.", float64(n), prometheus.Labels{"result": result})
	}
}
