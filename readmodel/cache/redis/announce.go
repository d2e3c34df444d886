package redis

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/events/outage"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

const (
	// maxChanges is how many commits may wait to be announced.
	maxChanges = 64
	// markKeys is how many keys one script marks.
	markKeys = 256
	// maxMarks is how many campaigns may wait to be marked.
	maxMarks = 4 * cache.MaxNamed
	// markPause is how long a campaign that was marked waits for its next mark, at most. It is
	// that between two refreshes of one campaign: marks that come sooner would save no read.
	markPause = 250 * time.Millisecond

	// listenTimeout is how long a subscription may be silent before it is pinged, and
	// then again before it is given up.
	listenTimeout = time.Second
	// listenPause is the time between two subscriptions.
	listenPause = time.Second
)

// Announce implements [cache.Shared].
func (l *Level) Announce(ch readmodel.Change) {
	select {
	case l.changes <- ch:
	default:
		l.dropped.Add(1)
	}
}

// announce publishes commits and marks their campaigns until ctx ends. Commits go first:
// marks only save reads.
func (l *Level) announce(ctx context.Context, stale func(events.Campaign)) {
	var (
		marks marks
		pause <-chan time.Time // nil: no campaign was marked a short while ago
	)
	for {
		var batch []readmodel.Change
		select {
		case ch := <-l.changes:
			batch = append(batch, ch)
		case <-pause:
			pause = nil
			marks.rested()
		case <-ctx.Done():
			return
		}
		for {
			batch = append(batch, drain(l.changes, maxChanges-len(batch))...)
			l.publish(ctx, batch)
			for _, ch := range batch {
				marks.add(ch)
			}
			if len(marks.due) == 0 || ctx.Err() != nil {
				break
			}
			if pause == nil {
				pause = time.After(markPause)
			}
			l.mark(ctx, marks.take(markKeys), stale)
			batch = batch[:0]
		}
	}
}

// publish announces the changes, in order. One that is not announced is a gap to the
// other processes.
func (l *Level) publish(ctx context.Context, changes []readmodel.Change) {
	if len(changes) == 0 {
		return
	}
	err := l.pipe(ctx, func(ctx context.Context, pipe goredis.Pipeliner) {
		for _, ch := range changes {
			// A cluster is told by way of the channel's node alone, which keeps their order.
			pipe.Publish(ctx, changesChannel, l.codec.notice(ch)).SetFirstKeyPos(1)
		}
	})
	if err != nil {
		l.dropped.Add(int64(len(changes)))
	}
}

// mark prevents that rows from before the marks are stored, and calls stale with the
// campaigns of which such rows are stored already.
func (l *Level) mark(ctx context.Context, marks map[events.Campaign]readmodel.Revision, stale func(events.Campaign)) {
	of := make(map[readmodel.Revision][]events.Campaign)
	for c, at := range marks {
		of[at] = append(of[at], c)
	}
	keysOfCall := markKeys
	if l.cluster != nil {
		keysOfCall = 1 // the keys of two campaigns may be of two nodes
	}
	var calls []call
	for at, campaigns := range of {
		for len(campaigns) > 0 {
			n := min(keysOfCall, len(campaigns))
			keys := make([]string, n)
			for i, c := range campaigns[:n] {
				keys[i] = keyPrefix + string(c)
			}
			calls = append(calls, markCall(keys, at))
			campaigns = campaigns[n:]
		}
	}
	l.run(ctx, l.markScript, calls)
	for _, c := range calls {
		if c.result == nil {
			continue // the breaker is open
		}
		numbers, _ := c.result.Int64Slice() // empty where it failed
		for _, n := range numbers {
			if n >= 1 && n <= int64(len(c.keys)) {
				stale(events.Campaign(strings.TrimPrefix(c.keys[n-1], keyPrefix)))
			}
		}
	}
}

// marks are the campaigns to be marked. One that changes again and again is marked at once, and
// then once a pause: what a campaign costs Redis does not depend on how often there are commits.
type marks struct {
	due   map[events.Campaign]readmodel.Revision
	taken map[events.Campaign]struct{}           // since the last pause
	later map[events.Campaign]readmodel.Revision // those of them that have changed again
}

// add adds the campaigns of a commit.
func (m *marks) add(ch readmodel.Change) {
	for _, c := range ch.Campaigns {
		to := &m.due
		if _, ok := m.taken[c]; ok {
			to = &m.later
		}
		if *to == nil {
			*to = make(map[events.Campaign]readmodel.Revision)
		}
		if _, ok := (*to)[c]; ok || len(m.due)+len(m.later) < maxMarks {
			(*to)[c] = ch.To
		}
	}
}

// take removes up to n campaigns that are due and returns them.
func (m *marks) take(n int) map[events.Campaign]readmodel.Revision {
	some := make(map[events.Campaign]readmodel.Revision, min(n, len(m.due)))
	if m.taken == nil {
		m.taken = make(map[events.Campaign]struct{})
	}
	for c, at := range m.due {
		if len(some) == n {
			break
		}
		some[c] = at
		delete(m.due, c)
		if len(m.taken) < maxMarks {
			m.taken[c] = struct{}{}
		}
	}
	return some
}

// rested ends a pause: what has changed again is due.
func (m *marks) rested() {
	m.taken = nil
	for c, at := range m.later {
		if m.due == nil {
			m.due = make(map[events.Campaign]readmodel.Revision)
		}
		m.due[c] = at
	}
	m.later = nil
}

// errFlood ends a subscription whose notices take more work than those of commits can. It is
// begun again after a pause, and meanwhile changes are found by polling.
var errFlood = errors.New("too many notices in a second")

// Most of a subscription in a second.
const (
	maxNotices     = 2_000
	maxNoticeBytes = 32 << 20
	maxUnusable    = 100
)

// intake counts what a subscription has received in a second.
type intake struct {
	since                     time.Time
	notices, bytes, discarded int
}

// allows counts a notice and reports whether the subscription may go on.
func (i *intake) allows(now time.Time, bytes int, usable bool) bool {
	if now.Sub(i.since) >= time.Second {
		*i = intake{since: now}
	}
	i.notices++
	i.bytes += bytes
	if !usable {
		i.discarded++
	}
	return i.notices <= maxNotices && i.bytes <= maxNoticeBytes && i.discarded <= maxUnusable
}

// listen receives announcements until ctx ends, by one subscription after another. Those
// between two of them are a gap.
func (l *Level) listen(ctx context.Context, changed func(readmodel.Change)) {
	notices := outage.Log{
		Logger: l.logger, Level: slog.LevelWarn,
		Began: "cache: no notices, changes are found by polling",
		Ended: "cache: notices come again",
	}
	for ctx.Err() == nil {
		err := l.subscribe(ctx, changed, func() { notices.Succeeded(ctx) })
		if ctx.Err() != nil {
			return
		}
		l.errors.Add(1)
		notices.Failed(ctx, err)
		select {
		case <-time.After(listenPause):
		case <-ctx.Done():
		}
	}
}

// subscribe receives announcements until the subscription fails. It calls begun once
// Redis has confirmed it.
func (l *Level) subscribe(ctx context.Context, changed func(readmodel.Change), begun func()) error {
	sub := l.client.Subscribe(ctx, changesChannel)
	closed := context.AfterFunc(ctx, func() { _ = sub.Close() }) // ends ReceiveTimeout
	defer func() {
		if closed() {
			_ = sub.Close() // it has failed already
		}
	}()
	var (
		pinged bool
		taken  intake
	)
	for {
		message, err := sub.ReceiveTimeout(ctx, listenTimeout)
		var timeout net.Error
		switch {
		case err == nil:
			pinged = false
		case !pinged && errors.As(err, &timeout) && timeout.Timeout():
			pinged = true
			if err := sub.Ping(ctx); err != nil {
				return err
			}
			continue
		default:
			return err
		}
		switch m := message.(type) {
		case *goredis.Subscription:
			begun()
		case *goredis.Message:
			ch, err := l.codec.change(m.Payload)
			if err != nil {
				l.unusable(ctx, err)
			}
			if !taken.allows(time.Now(), len(m.Payload), err == nil) {
				return errFlood
			}
			if err == nil {
				changed(ch)
			}
		}
	}
}
