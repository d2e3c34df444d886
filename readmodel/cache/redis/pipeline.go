package redis

import (
	"context"
	"errors"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

// batchKeys is how many lookups, or values to write, travel in one pipeline.
const batchKeys = 128

// lookup is a value that a reader waits for.
type lookup struct {
	key   string
	done  chan struct{} // closed once the fields below are set
	value string
	ok    bool
}

// write is a value to store, unless Redis has one of a later revision.
type write struct {
	call
	read time.Time // when the read of its rows was sent
}

// Get implements [cache.Shared].
func (l *Level) Get(ctx context.Context, c events.Campaign) (rows readmodel.CampaignRows, value string, ok bool) {
	value, ok = l.get(ctx, keyPrefix+string(c))
	if !ok || isTombstone(value) {
		return rows, "", false
	}
	if rows, ok = l.codec.decode(value, c); !ok {
		l.errors.Add(1)
		return rows, value, false
	}
	return rows, value, true
}

// get returns the value of a key, false where there is none or it does not arrive in
// time.
func (l *Level) get(ctx context.Context, key string) (string, bool) {
	if l.breaker.State() == gobreaker.StateOpen {
		return "", false
	}
	g := &lookup{key: key, done: make(chan struct{})}
	timer := time.NewTimer(replyTimeout)
	defer timer.Stop()
	select {
	case l.lookups <- g:
	case <-timer.C:
		return "", false
	}
	select {
	case <-g.done:
		return g.value, g.ok
	case <-timer.C:
	case <-ctx.Done():
	}
	return "", false
}

// look looks up all keys that are waiting, again and again until ctx ends.
func (l *Level) look(ctx context.Context) {
	for {
		batch := gather(ctx, l.lookups, batchKeys)
		if batch == nil {
			return
		}
		replies := make([]*goredis.StringCmd, len(batch))
		_ = l.pipe(ctx, func(ctx context.Context, pipe goredis.Pipeliner) { // where it fails no reply is ok
			for i, g := range batch {
				replies[i] = pipe.Get(ctx, g.key)
			}
		})
		for i, g := range batch {
			if replies[i] != nil && replies[i].Err() == nil {
				g.value, g.ok = replies[i].Val(), true
			}
			close(g.done)
		}
	}
}

// Put implements [cache.Shared].
func (l *Level) Put(v cache.Value) {
	value, ok := l.codec.append(nil, v.Campaign, v.Rows)
	if !ok {
		return
	}
	select {
	case l.writes <- write{putCall(v, value), v.Read}:
	default:
	}
}

// write writes values until ctx ends.
func (l *Level) write(ctx context.Context) {
	for {
		batch := gather(ctx, l.writes, batchKeys)
		if batch == nil {
			return
		}
		calls := make([]call, 0, len(batch))
		for _, w := range batch {
			// An older one may have outlived the tombstone that it must not replace.
			if cache.Since(time.Now(), w.read) < tombstoneTTL-2*time.Second {
				calls = append(calls, w.call)
			}
		}
		l.run(ctx, l.putScript, calls)
		for _, c := range calls {
			if c.result == nil {
				continue // the breaker is open
			}
			if stored, err := c.result.Int(); err == nil && stored == 0 {
				l.refused.Add(1)
			}
		}
	}
}

// pipe sends the commands that fill queues as one pipeline if the breaker is not open. It
// returns the first error that concerns more than one key.
func (l *Level) pipe(ctx context.Context, fill func(context.Context, goredis.Pipeliner)) error {
	_, err := l.breaker.Execute(func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout+replyTimeout)
		defer cancel()
		pipe := l.client.Pipeline()
		fill(ctx, pipe)
		cmds, err := pipe.Exec(ctx)
		if err == nil {
			return struct{}{}, nil
		}
		for _, cmd := range cmds {
			if !ofOneKey(cmd.Err()) {
				return struct{}{}, cmd.Err()
			}
		}
		return struct{}{}, nil
	})
	if err != nil && !errors.Is(err, gobreaker.ErrOpenState) && !errors.Is(err, gobreaker.ErrTooManyRequests) {
		l.errors.Add(1)
	}
	return err
}

// ofOneKey reports whether a command failed because of its key only, if at all.
func ofOneKey(err error) bool {
	return err == nil || errors.Is(err, goredis.Nil) || goredis.HasErrorPrefix(err, "WRONGTYPE") || goredis.HasErrorPrefix(err, "NOSCRIPT")
}

// gather waits for an item and takes up to most that are there; nil once ctx has ended.
func gather[T any](ctx context.Context, from <-chan T, most int) []T {
	select {
	case first := <-from:
		return append([]T{first}, drain(from, most-1)...)
	case <-ctx.Done():
		return nil
	}
}

// drain takes up to most items that are there.
func drain[T any](from <-chan T, most int) []T {
	var all []T
	for len(all) < most {
		select {
		case next := <-from:
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}
