package runner

import (
	"context"
	"fmt"
	"time"

	"jangbu/readmodel"
)

// awaitEvery is how often an operation is read by [Await], and a runner's state by
// [Runner.Settle].
const awaitEvery = 20 * time.Millisecond

// Await returns once an operation has ended, and calls see, unless it is nil, with each state
// that it reads. An operation that failed is an error.
func Await(ctx context.Context, ops readmodel.Operations, id int64, see func(readmodel.Operation)) (readmodel.Operation, error) {
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for {
		a, err := ops.Operation(ctx, id)
		if err != nil {
			return a, err
		}
		if see != nil {
			see(a)
		}
		if a.State == readmodel.Failed {
			return a, fmt.Errorf("the operation has failed: %s", a.Error)
		}
		if a.Ended() {
			return a, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return a, ctx.Err()
		}
	}
}

// Settle returns once the runner has cleared up after an operation that has ended.
func (r *Runner) Settle(ctx context.Context) error {
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for r.Status().Acting {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
