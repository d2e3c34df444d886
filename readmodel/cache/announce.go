package cache

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	// maxChanges is how many commits may wait to be announced.
	maxChanges = 64
	// markKeys is how many keys one script marks.
	markKeys = 256
	// maxMarks is how many campaigns may wait to be marked.
	maxMarks = 4 * maxNamed

	// listenTimeout is how long a subscription may be silent before it is asked
	// whether it lives, and then again before it is given up.
	listenTimeout = time.Second
	// listenPause is between two subscriptions.
	listenPause = time.Second
)

// announce tells the others of commits until ctx ends. They come first: that old
// values are marked only saves reads.
func (l *link) announce(ctx context.Context, stale func(events.Campaign)) {
	perScript := 1 // the keys of one script must be on one node
	if _, one := l.client.(*redis.Client); one {
		perScript = markKeys
	}
	for {
		batch := gather(ctx, l.changes, maxChanges)
		if batch == nil {
			return
		}
		marks := make(map[events.Campaign]readmodel.Revision)
		for {
			l.publish(batch)
			for _, ch := range batch {
				for _, c := range ch.Campaigns {
					if _, ok := marks[c]; ok || len(marks) < maxMarks {
						marks[c] = ch.To
					}
				}
			}
			if len(marks) == 0 || ctx.Err() != nil {
				break
			}
			l.mark(take(marks, markKeys), perScript, stale)
			batch = waiting(l.changes, maxChanges)
		}
	}
}

// publish announces the changes, in order. What can't be announced is a gap to the
// others.
func (l *link) publish(changes []readmodel.Change) {
	if len(changes) == 0 {
		return
	}
	err := l.pipe(func(ctx context.Context, pipe redis.Pipeliner) {
		for _, ch := range changes {
			pipe.Publish(ctx, changesChannel, appendNotice(nil, ch))
		}
	})
	if err != nil {
		l.count.dropped.Add(int64(len(changes)))
	}
}

// mark sees to it that nothing older than the changes can be stored, and names the
// campaigns of which something older is.
func (l *link) mark(marks map[events.Campaign]readmodel.Revision, perScript int, stale func(events.Campaign)) {
	of := make(map[readmodel.Revision][]events.Campaign)
	for c, at := range marks {
		of[at] = append(of[at], c)
	}
	var (
		calls []call
		named [][]events.Campaign // by each call
	)
	for at, campaigns := range of {
		for len(campaigns) > 0 {
			n := min(perScript, len(campaigns))
			keys := make([]string, n)
			for i, c := range campaigns[:n] {
				keys[i] = keyPrefix + string(c)
			}
			calls, named = append(calls, l.scripts.mark(keys, at)), append(named, campaigns[:n])
			campaigns = campaigns[n:]
		}
	}
	l.run(l.scripts.markScript, calls)
	for i, c := range calls {
		if c.result == nil {
			continue // the breaker is open
		}
		numbers, _ := c.result.Int64Slice() // none where it failed
		for _, n := range numbers {
			if n >= 1 && n <= int64(len(named[i])) {
				stale(named[i][n-1])
			}
		}
	}
}

// take removes up to n of the marks and returns them.
func take(marks map[events.Campaign]readmodel.Revision, n int) map[events.Campaign]readmodel.Revision {
	if len(marks) <= n {
		all := maps.Clone(marks)
		clear(marks)
		return all
	}
	taken := make(map[events.Campaign]readmodel.Revision, n)
	for c, at := range marks {
		if len(taken) == n {
			break
		}
		taken[c] = at
		delete(marks, c)
	}
	return taken
}

// listen receives what is announced until ctx ends, by one subscription after the
// other. What is said between two of them is a gap.
func (l *link) listen(ctx context.Context, receive func(readmodel.Change)) {
	failing := false
	for ctx.Err() == nil {
		err := l.subscribe(ctx, receive, func() {
			if failing {
				l.log.LogAttrs(ctx, slog.LevelInfo, "cache: notices come again")
			}
			failing = false
		})
		if ctx.Err() != nil {
			return
		}
		l.count.errors.Add(1)
		if !failing {
			l.log.LogAttrs(ctx, slog.LevelWarn, "cache: no notices, changes are found by polling", slog.Any("error", err))
		}
		failing = true
		pause := time.NewTimer(listenPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// subscribe receives what is announced until the subscription fails.
func (l *link) subscribe(ctx context.Context, receive func(readmodel.Change), begun func()) error {
	sub := l.client.Subscribe(ctx, changesChannel)
	closed := context.AfterFunc(ctx, func() { _ = sub.Close() }) // wakes what receives
	defer func() {
		if closed() {
			_ = sub.Close() // it is of no use any more
		}
	}()
	asked := false
	for {
		message, err := sub.ReceiveTimeout(ctx, listenTimeout)
		var timeout net.Error
		switch {
		case err == nil:
			asked = false
		case !asked && errors.As(err, &timeout) && timeout.Timeout():
			asked = true
			if err := sub.Ping(ctx); err != nil {
				return err
			}
			continue
		default:
			return err
		}
		switch m := message.(type) {
		case *redis.Subscription:
			begun()
		case *redis.Message:
			ch, err := decodeNotice(m.Payload)
			if err != nil {
				l.count.errors.Add(1)
				continue
			}
			receive(ch)
		}
	}
}
