package stores

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"jangbu/events"
	"jangbu/events/postgres"
)

// patience is for how long a command waits for a database that is away.
const patience = time.Minute

// Patiently calls do, and again while the database is away, for a minute at most. What do does may
// be done more than once.
func Patiently(ctx context.Context, do func() error) error {
	try := func() (struct{}, error) {
		err := do()
		if err != nil && !errors.Is(err, events.ErrAway) && !postgres.Away(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}
	_, err := backoff.Retry(ctx, try, backoff.WithBackOff(backoff.NewConstantBackOff(time.Second)), backoff.WithMaxElapsedTime(patience))
	return err
}
