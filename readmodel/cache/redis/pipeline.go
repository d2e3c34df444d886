package redis

import (
	"context"
	"errors"
	"log/slog"
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
	if !ok {
		return rows, "", false
	}
	if isTombstone(value) {
		rows.Revision, _, _ = cutRevision(value) // zero where it is none
		return rows, value, false
	}
	rows, err := l.codec.decode(value, c)
	if err != nil {
		l.unusable(ctx, err)
		return rows, value, false
	}
	return rows, value, true
}

// unusable counts a value or a notice that is not used.
func (l *Level) unusable(ctx context.Context, err error) {
	l.errors.Add(1)
	if errors.Is(err, errForged) && l.forged.Add(1) == 1 {
		l.logger.LogAttrs(ctx, slog.LevelWarn, "cache: Redis holds or sent what was not made with this key; it is not used, and from now on only counted")
	}
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
				replies[i] = pipe.GetRange(ctx, g.key, 0, maxValue-1)
			}
		})
		for i, g := range batch {
			if replies[i] != nil && replies[i].Err() == nil {
				g.value = replies[i].Val()
				g.ok = g.value != ""
			}
			close(g.done)
		}
	}
}

// Put implements [cache.Shared].
func (l *Level) Put(v cache.Value) {
	value, ok := l.codec.encode(v.Campaign, v.Rows)
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
		ctx, cancel := context.WithTimeout(ctx, l.timeout)
		defer cancel()
		pipe := l.client.Pipeline()
		fill(ctx, pipe)
		cmds, err := pipe.Exec(ctx)
		if err == nil {
			return struct{}{}, nil
		}
		for _, cmd := range cmds {
			if !ofOneKey(cmd.Err()) {
				if l.cluster != nil {
					l.cluster.ReloadState(ctx) // another node may have taken over
				}
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
