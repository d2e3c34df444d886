package runner

import (
	"context"
	"fmt"
	"time"

	"jangbu/readmodel"
)

// Operate asks for an operation and returns once it has ended. The leader carries it out: a
// service, or this process if no service holds the lease. Config.Owner is ignored. Operate
// calls asked with the operation as it was found or recorded, and see with each state that
// it reads. After an error the operation may go on.
func Operate(ctx context.Context, cfg Config, wanted readmodel.Operation, asked, see func(readmodel.Operation)) (readmodel.Operation, error) {
	op, err := cfg.Rows.Ask(ctx, wanted)
	if err != nil {
		return op, err
	}
	asked(op)
	cfg.Owner = fmt.Sprintf("%s/operation %d/%d", wanted.Who, op.ID, time.Now().UnixNano())
	standby, err := New(cfg)
	if err != nil {
		return op, err
	}
	running, cancel := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() {
		err := standby.Run(running)
		cancel(err) // an error ends the wait
		ended <- err
	}()
	done, err := Await(running, cfg.Rows, op.ID, see)
	if done.Ended() {
		_ = standby.Settle(running) // the next operation prunes what an interrupt leaves
	}
	cancel(nil)
	if cause := <-ended; cause != nil {
		return done, cause
	}
	return done, err
}
