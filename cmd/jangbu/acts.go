package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jangbu/readmodel"
)

// actLook is how often somebody who waits for an act looks.
const actLook = 20 * time.Millisecond

// errActFailed says that an act has failed, as it was noted.
var errActFailed = errors.New("the act has failed")

// awaitAct waits until an act has ended, and tells see of it whenever it has looked.
func awaitAct(ctx context.Context, acts readmodel.Acts, id int64, see func(readmodel.Act)) (readmodel.Act, error) {
	tick := time.NewTicker(actLook)
	defer tick.Stop()
	for {
		a, err := acts.Act(ctx, id)
		if err != nil {
			return a, err
		}
		if see != nil {
			see(a)
		}
		switch a.State {
		case readmodel.ActDone:
			return a, nil
		case readmodel.ActFailed:
			return a, fmt.Errorf("%w: %s", errActFailed, a.Error)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return a, ctx.Err()
		}
	}
}
