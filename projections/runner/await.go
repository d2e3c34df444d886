package runner

import (
	"context"
	"fmt"
	"time"

	"jangbu/readmodel"
)

// awaitEvery is how often an act is read by [Await], and a runner's state by
// [Runner.Settle].
const awaitEvery = 20 * time.Millisecond

// Await returns once an act has ended, and calls see, unless it is nil, with each state
// that it reads. An act that failed is an error.
func Await(ctx context.Context, acts readmodel.Acts, id int64, see func(readmodel.Act)) (readmodel.Act, error) {
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for {
		a, err := acts.Act(ctx, id)
		if err != nil {
			return a, err
		}
		if see != nil {
			see(a)
		}
		if a.State == readmodel.ActFailed {
			return a, fmt.Errorf("the act has failed: %s", a.Error)
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

// Settle returns once the runner has cleared up after an act that has ended.
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
