package replay

import (
	"context"
	"fmt"
	"sync"

	"jangbu/events"
)

const (
	// readBatch is how many events of the log are read at once. What waits for the work between two of
	// them waits some 10 ms; fewer cost a statement more often.
	readBatch = 10_000
	// readAhead is how many batches are read at once, while another is folded.
	readAhead = 2
	// streamBatch is how many events of one campaign are read at once: to find the next
	// ones costs what all of the campaign's events cost.
	streamBatch = 50_000
)

// batch is a part of the log that is being read, in pieces where it has many bytes.
type batch struct {
	pieces chan []events.Recorded // closed after the last one; none is empty
	err    chan error
}

func newBatch() batch {
	return batch{make(chan []events.Recorded, 1), make(chan error, 1)}
}

// next returns the next piece; nil after the last one.
func (b batch) next(ctx context.Context) ([]events.Recorded, error) {
	select {
	case read := <-b.pieces:
		return read, nil
	case err := <-b.err:
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readLog reads the wanted range, some batches at once.
func (r *replay) readLog(ctx context.Context, to chan<- batch) error {
	var readers sync.WaitGroup
	defer readers.Wait()
	for after := r.After; after < r.Through; after += readBatch {
		b := newBatch()
		select {
		case to <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		readers.Go(func() {
			r.Between()
			if err := r.readBatch(ctx, b, after, min(after+readBatch, r.Through)); err != nil {
				b.err <- err
				return
			}
			close(b.pieces)
		})
	}
	return nil
}

// readBatch reads the events after one position and through another.
func (r *replay) readBatch(ctx context.Context, b batch, after, through events.Position) error {
	for after < through {
		read, err := r.Log.Read(ctx, after, int(through-after))
		if err != nil {
			return err
		}
		if len(read) == 0 || read[0].Position != after+1 { // I2
			return fmt.Errorf("%w: asked for %d events from %d, got %d", events.ErrGap, through-after, after+1, len(read))
		}
		after = read[len(read)-1].Position
		select {
		case b.pieces <- read:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// readStream reads the wanted events of one campaign, batch by batch.
func (r *replay) readStream(ctx context.Context, to chan<- batch) error {
	for after := r.After; after < r.Through; {
		read, err := r.Log.ReadStream(ctx, events.Stream{Campaign: r.Campaign, After: after, Through: r.Through, Limit: streamBatch})
		if err != nil || len(read) == 0 {
			return err
		}
		after = read[len(read)-1].Position
		b := newBatch()
		b.pieces <- read
		close(b.pieces)
		select {
		case to <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
