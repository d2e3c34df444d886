package stores

import (
	"cmp"
	"context"
	"fmt"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
)

// Record records, with the log, what a command is about to do: it returns before the command
// begins, and where it fails the command must not begin. Without a name the user of this
// process does it. An id in the subject that identifies a person is not kept.
func Record(ctx context.Context, log events.Log, a events.Access) error {
	a.Who = cmp.Or(a.Who, cli.Operator())
	a.Subject = events.RedactWho(a.Subject, func(string) string { return "***" })
	if err := a.Check(); err != nil {
		return fmt.Errorf("%w: --%w", cli.ErrUsage, err)
	}
	if err := log.Accesses().Add(ctx, a); err != nil {
		return fmt.Errorf("nothing was done, because it could not be recorded who did it: %w", err)
	}
	return nil
}
