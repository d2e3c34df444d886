package main

import (
	"syscall"
	"time"
)

// nap sleeps more exactly than time.Sleep, which wakes an idle process once in a
// millisecond.
func nap(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&left, nil) // a signal ends it early
}
