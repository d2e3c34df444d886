package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"jangbu/events"
)

// What is produced to be timed: as many registrations as are due within visibleFor, bounded.
const (
	visibleFor  = 10 * time.Second
	visibleMost = 300_000
)

// seen says that the rows had every event up to a position at a time.
type seen struct {
	position events.Position
	at       time.Time
}

// visible produces registrations at an even pace and returns how long after it was due each
// was in the rows, sorted, and the pace that the producer kept.
func (b *ingestBench) visible(ctx context.Context, p *pipeline, pace float64) (took []time.Duration, kept float64, err error) {
	n := min(max(int(pace*visibleFor.Seconds()), 1), visibleMost, b.Events)
	before := events.Position(b.topics.events)
	producing, stop := context.WithCancel(ctx)
	defer stop()
	var due map[events.Campaign][]time.Time
	produced := make(chan error, 1)
	go func() {
		var err error
		due, kept, err = b.topics.pace(producing, n, pace)
		produced <- err
	}()
	var rows []seen
	head := before + events.Position(n)
	_, err = p.until(ctx, time.Millisecond, head, func() (events.Position, error) {
		at, now := folded(p, head), time.Now()
		if len(rows) == 0 || rows[len(rows)-1].position < at {
			rows = append(rows, seen{at, now})
		}
		select {
		case err := <-produced:
			produced <- err
			return at, err
		default:
			return min(at, head-1), nil // the rows may have all before the producer returns
		}
	})
	stop()
	if err = errors.Join(err, <-produced, p.end()); err != nil {
		return nil, 0, err
	}
	took, err = b.compare(ctx, p.place, before, rows, due)
	return took, kept, err
}

// pace produces n registrations, each when it is due or as soon after that as the brokers
// have taken the ones before, and returns when those of each campaign were due, in their order.
func (t *topics) pace(ctx context.Context, n int, pace float64) (due map[events.Campaign][]time.Time, kept float64, err error) {
	g, err := t.after(t.registrations)
	if err != nil {
		return nil, 0, err
	}
	due = make(map[events.Campaign][]time.Time)
	var records []events.Record
	start := time.Now()
	at := func(i int) time.Time { return start.Add(time.Duration(float64(i) / pace * float64(time.Second))) }
	for sent := 0; sent < n; sent += len(records) {
		select {
		case <-time.After(time.Until(at(sent))):
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
		records = records[:0]
		for now := time.Now(); sent+len(records) < n && !at(sent+len(records)).After(now); {
			record := g.Next()
			campaign := events.Campaign(record.Key)
			due[campaign] = append(due[campaign], at(sent+len(records)))
			records = append(records, record)
		}
		if err := t.produced.Produce(ctx, records); err != nil {
			return nil, 0, err
		}
	}
	return due, perSecond(n, time.Since(start)), nil
}

// compare returns for each event after a position the time from when it was due until the
// rows had it. A campaign's events are in the log in the order in which they were produced.
func (b *ingestBench) compare(ctx context.Context, at place, after events.Position, rows []seen, due map[events.Campaign][]time.Time) (took []time.Duration, err error) {
	log, closeLog, err := at.OpenLog(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	for last := rows[len(rows)-1].position; after < last; {
		recorded, err := log.Read(ctx, after, 20_000)
		if err != nil {
			return nil, err
		}
		for _, e := range recorded {
			for len(rows) > 0 && rows[0].position < e.Position {
				rows = rows[1:]
			}
			campaign := e.Event.Subject()
			if len(due[campaign]) == 0 || len(rows) == 0 {
				return nil, fmt.Errorf("compare times: position %d was not produced", e.Position)
			}
			took = append(took, rows[0].at.Sub(due[campaign][0]))
			due[campaign], after = due[campaign][1:], e.Position
		}
	}
	slices.Sort(took)
	return took, nil
}
