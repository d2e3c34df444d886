package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Exit codes, the same for every command.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitNothing     = 3
	ExitCheckFailed = 4
	ExitInterrupted = 130
)

// Errors that end a command with an exit code of their own. Any other error has failed.
var (
	ErrUsage       = errors.New("usage")
	ErrNothing     = errors.New("nothing found")
	ErrCheckFailed = errors.New("check failed")
	ErrInterrupted = errors.New("interrupted")
)

// ending is one of the ways in which a command ends.
type ending struct {
	code  int
	means string
	errs  []error // that lead to it
}

// endings is the one table from errors to exit codes. The first line that matches counts;
// an error that matches none is a failure.
func endings() []ending {
	return []ending{
		{ExitDone, "done", []error{errHelp}},
		{ExitFailed, "failed", nil},
		{ExitUsage, "usage", []error{ErrUsage}},
		{ExitNothing, "nothing found", []error{ErrNothing}},
		{ExitCheckFailed, "check failed", []error{ErrCheckFailed}},
		{ExitInterrupted, "interrupted", []error{ErrInterrupted, context.Canceled}},
	}
}

// exitCode returns the exit code of an error.
func exitCode(err error) int {
	if err == nil {
		return ExitDone
	}
	for _, o := range endings() {
		for _, e := range o.errs {
			if errors.Is(err, e) {
				return o.code
			}
		}
	}
	return ExitFailed
}

// ExitCodesHelp returns the line that ends every --help.
func ExitCodesHelp() string {
	var codes []string
	for _, o := range endings() {
		codes = append(codes, fmt.Sprintf("%d %s", o.code, o.means))
	}
	return "Exit codes: " + strings.Join(codes, ", ") + "."
}

// interruption is an ErrInterrupted that says how to go on.
type interruption struct{ hint string }

func (i interruption) Error() string { return ErrInterrupted.Error() + "; " + i.hint }

// Is makes it an ErrInterrupted.
func (i interruption) Is(target error) bool { return target == ErrInterrupted }

// Interruptible returns the error of work that ctx interrupts. If ctx has ended, any error
// becomes an [ErrInterrupted] with a hint: what state the work has left, or how to go on.
func Interruptible(ctx context.Context, err error, hint string) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return interruption{hint}
}
