package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"jangbu/events"
)

// ErrOtherLog means that the partial file holds events that differ from those of the log.
var ErrOtherLog = errors.New("these are the events of another log")

// Export writes the events from one position through another, except those that the
// writer has already. It calls done after each batch with the last position written.
// [events.ErrCorrupt] if an event is not that of its digest, or the digests do not lead to
// the log's link at the last position: an export certifies nothing that was not written.
// [ErrErased] if a person was erased meanwhile.
func Export(ctx context.Context, log events.Log, w *Writer, from, through events.Position, done func(events.Position)) error {
	after := from - 1
	if first, last, ok := w.Ends(); ok {
		if first.Position != from || last.Position > through {
			return fmt.Errorf("continue positions %d to %d: expected a beginning of %d to %d", first.Position, last.Position, from, through)
		}
		for _, end := range []events.Recorded{first, last} {
			stored, err := log.Read(ctx, end.Position-1, 1)
			if err != nil {
				return fmt.Errorf("compare position %d: %w", end.Position, err)
			}
			if len(stored) == 1 && stored[0].Overwritten() && !end.Overwritten() {
				return fmt.Errorf("compare position %d: %w", end.Position, ErrErased)
			}
			end.Origin = events.Origin{} // which an earlier program did not write
			if len(stored) != 1 || !bytes.Equal(AppendLine(nil, stored[0]), AppendLine(nil, end)) {
				return fmt.Errorf("compare position %d: %w", end.Position, ErrOtherLog)
			}
		}
		after = last.Position
		done(after)
	}
	for after < through {
		read, err := log.Read(ctx, after, int(min(batch, through-after)))
		if err != nil {
			return err
		}
		if len(read) == 0 {
			return fmt.Errorf("read after %d: the log ends there, before %d", after, through)
		}
		for i := range read {
			if !read[i].Intact() {
				return fmt.Errorf("%w: position %d: its digest is not that of the stored event", events.ErrCorrupt, read[i].Position)
			}
		}
		if err := log.Sources().Trace(ctx, read); err != nil {
			return err
		}
		if err := w.Write(read); err != nil {
			return err
		}
		after = read[len(read)-1].Position
		done(after)
	}
	link, ok, err := log.Chain().Link(ctx, through)
	if err != nil {
		return err
	}
	if !ok || link != w.tally.link {
		return fmt.Errorf("%w: the events up to position %d do not lead to its link", events.ErrCorrupt, through)
	}
	return w.addErasures(ctx, log)
}
