package tail

import (
	"context"
	"sync"

	"jangbu/events"
)

// DefaultBytes bounds what a [Log] keeps, as [events.SizeOf] counts.
const DefaultBytes = 64 << 20

// Log is a log whose newest events are in memory. It is safe for concurrent use.
type Log struct {
	events.Log

	max int

	mu     sync.Mutex
	blocks []block // consecutive; guarded by mu
	bytes  int     // of all blocks; guarded by mu
	epoch  int     // counts calls of Forget; guarded by mu
}

var _ events.Log = (*Log)(nil)

// block holds the events of one append.
type block struct {
	events []events.Recorded // at least one; never changes
	bytes  int
}

func (b block) first() events.Position { return b.events[0].Position }

func (b block) last() events.Position { return b.events[len(b.events)-1].Position }

// New returns a log above the given one that keeps at most so many bytes, and the last append.
func New(log events.Log, bytes int) *Log { return &Log{Log: log, max: bytes} }

// Append implements [events.Appender].
func (l *Log) Append(ctx context.Context, drafts []events.Draft, read ...events.Reading) (events.Receipt, error) {
	l.mu.Lock()
	epoch := l.epoch
	l.mu.Unlock()
	receipt, err := l.Log.Append(ctx, drafts, read...)
	if err == nil {
		l.add(receipt.Recorded(drafts), epoch)
	}
	return receipt, err
}

// add keeps events that were appended since the epoch.
func (l *Log) add(added []events.Recorded, epoch int) {
	if len(added) == 0 {
		return
	}
	b := block{events: added}
	for i := range added {
		b.bytes += events.SizeOf(added[i].Event)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoch != epoch {
		return // they may have been overwritten in between
	}
	if n := len(l.blocks); n > 0 && b.first() != l.blocks[n-1].last()+1 {
		l.clear()
	}
	l.blocks = append(l.blocks, b)
	l.bytes += b.bytes
	l.drop(func(block) bool { return l.bytes > l.max })
}

// drop drops the first blocks for as long as each is to go, but never the last append; l.mu is
// held.
func (l *Log) drop(goes func(block) bool) {
	gone := 0
	for ; gone < len(l.blocks)-1 && goes(l.blocks[gone]); gone++ {
		l.bytes -= l.blocks[gone].bytes
	}
	if gone > 0 {
		kept := copy(l.blocks, l.blocks[gone:])
		clear(l.blocks[kept:])
		l.blocks = l.blocks[:kept]
	}
}

// Release drops what is kept up to a position, but for the last append.
func (l *Log) Release(to events.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(func(b block) bool { return b.last() <= to })
}

// Forget drops what is kept. What is being appended is not kept either.
func (l *Log) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
	l.clear()
}

// clear drops the blocks; l.mu is held.
func (l *Log) clear() {
	clear(l.blocks)
	l.blocks, l.bytes = l.blocks[:0], 0
}

// Read implements [events.Log].
func (l *Log) Read(ctx context.Context, after events.Position, limit int) ([]events.Recorded, error) {
	if read := l.kept(after, limit); len(read) > 0 {
		return read, ctx.Err()
	}
	return l.Log.Read(ctx, after, limit)
}

// kept returns the events after a position, at most limit and [events.MaxReadBytes]; none where
// the next one is not kept.
func (l *Log) kept(after events.Position, limit int) []events.Recorded {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.blocks) == 0 || after+1 < l.blocks[0].first() {
		return nil
	}
	limit = min(limit, int(max(0, l.blocks[len(l.blocks)-1].last()-after)))
	if limit <= 0 {
		return nil
	}
	read, bytes := make([]events.Recorded, 0, limit), 0
	for _, b := range l.blocks {
		if b.last() <= after {
			continue
		}
		for _, e := range b.events[max(0, after+1-b.first()):] {
			bytes += events.SizeOf(e.Event)
			if len(read) == limit || bytes > events.MaxReadBytes && len(read) > 0 {
				return read
			}
			read = append(read, e)
		}
	}
	return read
}

// Wait implements [events.Log].
func (l *Log) Wait(ctx context.Context, after events.Position) (events.Position, error) {
	l.mu.Lock()
	var last events.Position
	if n := len(l.blocks); n > 0 {
		last = l.blocks[n-1].last()
	}
	l.mu.Unlock()
	if last > after {
		return last, ctx.Err()
	}
	return l.Log.Wait(ctx, after)
}
