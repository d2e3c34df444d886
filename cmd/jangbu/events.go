package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

type eventsCommand struct {
	Tail   eventsTailCommand   `cmd:"" help:"Show the last events of the log, and those to come."`
	Show   eventsShowCommand   `cmd:"" help:"Show one event, whole."`
	Export eventsExportCommand `cmd:"" help:"Write the log, or a part of it, to a file."`
	Import eventsImportCommand `cmd:"" help:"Put an exported log into an empty one."`
}

// eventsAtOnce is how many events are read from the log at once to be shown.
const eventsAtOnce = 1_000

// checked returns an error that names every field of c that is wrong.
func (c *storeConfig) checked() error {
	var wrong []string
	c.validate(func(flag, format string, args ...any) {
		wrong = append(wrong, "--"+flag+": "+fmt.Sprintf(format, args...))
	})
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", errUsage, strings.Join(wrong, "; "))
	}
	return nil
}

// withLog runs f on the log, which must be there.
func (c *storeConfig) withLog(ctx context.Context, f func(eventLog) error) (err error) {
	if err := c.checked(); err != nil {
		return err
	}
	if err := c.logStore().existing(); err != nil {
		return err
	}
	log, closeLog, err := c.openLog(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	return f(log)
}

// seoul is where people read these times.
func seoul() (*time.Location, error) {
	location, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		return nil, fmt.Errorf("load time zone: %w", err)
	}
	return location, nil
}
