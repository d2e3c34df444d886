package bench

import (
	"syscall"
	"time"
)

// pause sleeps more exactly than time.Sleep, which wakes an idle process once in a
// millisecond.
func pause(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&left, nil) // a signal ends it early
}
