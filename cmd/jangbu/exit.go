package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Exit codes, the same for every command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNothing     = 3
	exitCheckFailed = 4
	exitInterrupted = 130
)

var (
	errUsage       = errors.New("usage")
	errNothing     = errors.New("nothing found")
	errCheckFailed = errors.New("check failed")
	errInterrupted = errors.New("interrupted")
)

// outcome is a way in which a command ends.
type outcome struct {
	code  int
	means string
	errs  []error // a command that returns one of them ends so
}

// outcomes is the one table from errors to exit codes. The first line that fits
// counts; what fits none has failed.
func outcomes() []outcome {
	return []outcome{
		{exitDone, "done", []error{errHelp}},
		{exitFailed, "failed", nil},
		{exitUsage, "usage", []error{errUsage}},
		{exitNothing, "nothing found", []error{errNothing}},
		{exitCheckFailed, "check failed", []error{errCheckFailed}},
		{exitInterrupted, "interrupted", []error{errInterrupted, context.Canceled}},
	}
}

// exitCode looks an error up in the table.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	for _, o := range outcomes() {
		for _, e := range o.errs {
			if errors.Is(err, e) {
				return o.code
			}
		}
	}
	return exitFailed
}

// exitCodesHelp is the line that ends every --help.
func exitCodesHelp() string {
	var codes []string
	for _, o := range outcomes() {
		codes = append(codes, fmt.Sprintf("%d %s", o.code, o.means))
	}
	return "Exit codes: " + strings.Join(codes, ", ") + "."
}

// interruption is errInterrupted for work that somebody may want to go on with.
type interruption struct{ hint string }

func (i interruption) Error() string { return errInterrupted.Error() + "; " + i.hint }

// Is makes it errInterrupted.
func (i interruption) Is(target error) bool { return target == errInterrupted }

// interruptible returns what came of work. If that was interrupted, whatever it made
// of it, the error is an interruption: the hint says what there is now, or how to go on.
func interruptible(ctx context.Context, err error, hint string) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return interruption{hint}
}
