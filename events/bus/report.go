package bus

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"jangbu/events"
	"jangbu/events/outage"
)

// trouble logs when frames of a topic begin to fail, and when none fails any more. It is
// safe for concurrent use.
type trouble struct {
	log outage.Log

	mu      sync.Mutex
	failing map[int32]time.Time // when a partition's frame failed last; guarded by mu
}

// forgotten is how long after its last failure a partition counts as failing. A frame that
// fails comes again long before that, unless another process has the partition now.
const forgotten = time.Minute

func newTrouble(logger *slog.Logger) *trouble {
	return &trouble{
		log: outage.Log{
			Logger: logger, Level: slog.LevelError,
			Began: "ingest: frames cannot be written: trying again until they can", Ended: "ingest: frames are written again",
		},
		failing: make(map[int32]time.Time),
	}
}

// note notes the result of writing a frame of a partition. A context that has ended is no
// failure.
func (t *trouble) note(ctx context.Context, partition int32, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		delete(t.failing, partition)
	case ctx.Err() != nil:
		return
	default:
		t.failing[partition] = time.Now()
		t.log.Failed(ctx, err)
	}
	for p, at := range t.failing {
		if time.Since(at) > forgotten {
			delete(t.failing, p)
		}
	}
	if len(t.failing) == 0 {
		t.log.Succeeded(ctx)
	}
}

// burials logs that records of a topic became dead letters: at once, and then at most once
// a minute for each reason. It is safe for concurrent use.
type burials struct {
	logger *slog.Logger

	mu sync.Mutex
	of map[events.Reason]*burial // guarded by mu
}

type burial struct {
	untold int // records since the last line
	told   time.Time
}

// tellAfter is the least time between two lines of one reason.
const tellAfter = time.Minute

func newBurials(logger *slog.Logger) *burials {
	return &burials{logger: logger, of: make(map[events.Reason]*burial)}
}

// tell notes the records of a frame that were buried.
func (b *burials) tell(ctx context.Context, frame *events.Frame, refused []refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range refused {
		if b.of[r.reason] == nil {
			b.of[r.reason] = new(burial)
		}
		b.of[r.reason].untold++
	}
	for _, r := range refused { // the first one of each reason is the line's example
		of := b.of[r.reason]
		if of.untold == 0 || time.Since(of.told) < tellAfter {
			continue
		}
		b.logger.WarnContext(ctx, "ingest: records became dead letters",
			slog.String("reason", string(r.reason)), slog.Int("count", of.untold),
			slog.Int("partition", int(frame.Partition)), slog.Int64("offset", frame.Records[r.record].Offset),
			slog.String("detail", r.detail))
		of.untold, of.told = 0, time.Now()
	}
}
