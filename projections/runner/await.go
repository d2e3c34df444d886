package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// awaitEvery is how often [Await] reads an operation, and [Runner.Settle] the runner's
// status.
const awaitEvery = 20 * time.Millisecond

// awaitAway is for how long [Await] waits for a database that is away: the operation stays in it.
const awaitAway = time.Minute

// Await returns once the operation has ended. It calls see, unless that is nil, with each
// state that it reads. An operation that failed is an error, and so is a database that is away
// for a minute.
func Await(ctx context.Context, ops readmodel.Operations, id int64, see func(readmodel.Operation)) (readmodel.Operation, error) {
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	op, answered := readmodel.Operation{ID: id}, time.Now()
	for {
		got, err := ops.Operation(ctx, id)
		switch {
		case err == nil:
			op, answered = got, time.Now()
			if see != nil {
				see(op)
			}
		case !errors.Is(err, events.ErrAway) || time.Since(answered) > awaitAway:
			return op, err
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
