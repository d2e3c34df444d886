package redis

import (
	"context"
	"time"

	"jangbu/events"
	"jangbu/readmodel/cache"
)

// write is a value to store, unless Redis has one of a later revision.
type write struct {
	campaign events.Campaign
	value    []byte
	read     time.Time // when the read of its rows was sent
	keepTTL  bool      // it expires when the value that it replaces would have
	damaged  string    // an unusable value that it may replace whatever its revision
}

// Put implements [cache.Shared].
func (l *Level) Put(v cache.Value) {
	value, ok := appendValue(nil, v.Campaign, v.Rows)
	if !ok {
		return
	}
	select {
	case l.values <- write{campaign: v.Campaign, value: value, read: v.Read, keepTTL: v.Refreshed, damaged: v.Damaged}:
	default:
	}
}

// write writes values until ctx ends.
func (l *Level) write(ctx context.Context) {
	for {
		batch := gather(ctx, l.values, batchKeys)
		if batch == nil {
			return
		}
		calls := make([]call, 0, len(batch))
		for _, w := range batch {
			// An older one may have outlived the tombstone that it must not replace.
			if cache.Since(time.Now(), w.read) < tombstoneTTL-2*time.Second {
				calls = append(calls, l.scripts.put(w))
			}
		}
		l.run(ctx, l.scripts.putScript, calls)
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
