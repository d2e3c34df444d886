package operate

import (
	"fmt"
	"time"
)

// EventsCommand shows the log, and copies it to a file and back.
type EventsCommand struct {
	Tail     eventsTailCommand     `cmd:"" help:"Show the last events of the log, and those to come."`
	Show     eventsShowCommand     `cmd:"" help:"Show one event, whole."`
	Withdraw eventsWithdrawCommand `cmd:"" help:"Say that events do not count, or count again."`
	Export   eventsExportCommand   `cmd:"" help:"Write the log, or a part of it, to a file."`
	Import   eventsImportCommand   `cmd:"" help:"Put an exported log into an empty one."`
}

// eventsAtOnce is how many events are read from the log at a time.
const eventsAtOnce = 1_000

// seoul returns the time zone in which times are printed for people.
func seoul() (*time.Location, error) {
	location, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		return nil, fmt.Errorf("load time zone: %w", err)
	}
	return location, nil
}
