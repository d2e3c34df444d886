package embedded

import (
	"context"
	"time"
)

// RetainAt does what Retain does at a time, with the notes of the data directory.
func (b *Broker) RetainAt(ctx context.Context, at time.Time, keep time.Duration, held ...Held) {
	b.retain(ctx, b.notes(ctx), sample{at, held}, keep)
}
