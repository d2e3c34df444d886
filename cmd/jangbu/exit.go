package main

import (
	"context"
	"errors"
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

const exitCodesHelp = "Exit codes: 0 done, 1 failed, 2 usage, 3 nothing found, 4 check failed, 130 interrupted."

var (
	errUsage       = errors.New("usage")
	errNothing     = errors.New("nothing found")
	errCheckFailed = errors.New("check failed")
	errInterrupted = errors.New("interrupted")
)

// exitCode is the one table from errors to exit codes.
func exitCode(err error) int {
	switch {
	case err == nil, errors.Is(err, errHelp):
		return exitDone
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, errNothing):
		return exitNothing
	case errors.Is(err, errCheckFailed):
		return exitCheckFailed
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	default:
		return exitFailed
	}
}
