package runner

import (
	"context"
	"fmt"
	"time"

	"jangbu/readmodel"
)

// awaitEvery is how often [Await] reads an operation, and [Runner.Settle] the runner's
// status.
const awaitEvery = 20 * time.Millisecond

// Await returns once the operation has ended. It calls see, unless that is nil, with each
// state that it reads. An operation that failed is an error.
func Await(ctx context.Context, ops readmodel.Operations, id int64, see func(readmodel.Operation)) (readmodel.Operation, error) {
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for {
		op, err := ops.Operation(ctx, id)
		if err != nil {
			return op, err
		}
		if see != nil {
			see(op)
		}
		if op.State == readmodel.Failed {
			return op, fmt.Errorf("the operation has failed: %s", op.Error)
		}
		if op.Ended() {
			return op, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return op, ctx.Err()
		}
	}
}

// Settle returns once the runner carries out no operation and has cleared up after the
// last one.
func (r *Runner) Settle(ctx context.Context) error {
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for r.Status().Operating {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
