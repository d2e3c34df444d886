package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"jangbu/cmd/jangbu/service"
	"jangbu/events"
)

// pipeline is a service that takes the topics into a scratch database.
type pipeline struct {
	*service.Service
	place place
	stop  context.CancelFunc
	ended chan struct{} // closed when the service has ended
	err   error         // of the service; set before ended is closed
}

// stalled is how long the events of a topic may keep a measurement waiting.
const stalled = time.Minute

// run starts roles of serve on an empty log and returns what they spent until reached is the
// end of the topics. What the log has when its first events are there is not counted, nor the
// time before that, in which the service starts and joins its group; all is, where most of
// the events came at once.
func (b *ingestBench) run(ctx context.Context, roles []string, reached func(context.Context, *pipeline) (events.Position, error)) (_ *pipeline, s spent, err error) {
	at, err := newPlace(ctx, b.DatabaseURL)
	if err != nil {
		return nil, s, err
	}
	debug.FreeOSMemory() // of what was measured before
	resetPeakMemory()
	start := b.meter.read()
	p, err := b.start(ctx, at, roles)
	if err != nil {
		return nil, s, errors.Join(err, at.drop(context.WithoutCancel(ctx)))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close(context.WithoutCancel(ctx)))
		}
	}()
	head, err := p.until(ctx, 2*time.Millisecond, 1, func() (events.Position, error) { return logged(ctx, p, 1) })
	if err != nil {
		return nil, s, err
	}
	n := b.topics.events
	if first := int(head); first <= n/2 {
		start, n = b.meter.read(), n-first
	}
	end := events.Position(b.topics.events)
	if _, err := p.until(ctx, 10*time.Millisecond, end, func() (events.Position, error) { return reached(ctx, p) }); err != nil {
		return nil, s, err
	}
	s = b.meter.since(start, n)
	s.peakMiB = peakMemoryMiB()
	all, err := ends(ctx, at)
	s.transactions = len(all)
	return p, s, err
}

// start starts a service.
func (b *ingestBench) start(ctx context.Context, at place, roles []string) (*pipeline, error) {
	cfg := service.Embedded(b.dir)
	cfg.DatabaseURL = at.DatabaseURL
	if at.DatabaseURL == "" {
		cfg.DataDir = at.DataDir
	}
	cfg.MasterKeyFile, cfg.LogConfig = b.masterKey, b.LogConfig
	cfg.KafkaBrokers, cfg.ClientConfig = b.topics.client.Brokers, b.ClientConfig
	cfg.KafkaGroup, cfg.TopicConfig, cfg.Role = b.topics.client.Group, b.topics.names, roles
	s, err := service.Start(ctx, cfg, b.logger)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	p := &pipeline{Service: s, place: at, stop: stop, ended: make(chan struct{})}
	go func() { p.err = s.Wait(running); close(p.ended) }()
	return p, nil
}

// until returns once a position is reached, with the one that is. It fails with the service,
// when ctx ends, and where nothing moves.
func (p *pipeline) until(ctx context.Context, every time.Duration, to events.Position, reached func() (events.Position, error)) (at events.Position, err error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for moved := time.Now(); ; {
		before := at
		if at, err = reached(); err != nil || at >= to {
			return at, err
		}
		if at != before {
			moved = time.Now()
		} else if time.Since(moved) > stalled {
			return at, fmt.Errorf("no event came within %v after position %d: events up to %d were produced", stalled, at, to)
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return at, errors.Join(p.err, ctx.Err())
		}
	}
}

// end stops the service and returns what it failed with.
func (p *pipeline) end() error {
	p.stop()
	<-p.ended
	return p.err
}

// close ends the service and removes its database.
func (p *pipeline) close(ctx context.Context) error {
	return errors.Join(p.end(), p.place.drop(ctx))
}

// logged returns the head of the log, as soon as that is at end and otherwise after a second. It is
// told of appends: a look at the totals every few milliseconds, each of which passes over all that an
// append has not committed yet, took a tenth of a processor from what is measured.
func logged(ctx context.Context, p *pipeline, end events.Position) (events.Position, error) {
	waiting, done := context.WithTimeout(ctx, time.Second)
	defer done()
	head, err := p.Appended(waiting, end-1)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		totals, err := p.Totals(ctx)
		return totals.Head, err
	}
	return head, err
}

// folded returns the position up to which the rows have every event of a log that holds none
// beyond end.
func folded(p *pipeline, end events.Position) events.Position {
	if lag, known := p.Lag(end); known {
		return end - lag
	}
	return 0
}
