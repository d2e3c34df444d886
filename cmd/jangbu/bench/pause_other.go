//go:build !linux

package bench

import "time"

// pause sleeps as exactly as it can.
func pause(d time.Duration) { time.Sleep(d) }
