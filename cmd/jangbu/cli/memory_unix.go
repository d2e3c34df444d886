//go:build unix

package cli

import (
	"runtime"
	"syscall"
)

// PeakMemoryMiB returns the largest resident memory of the process so far.
func PeakMemoryMiB() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return float64(usage.Maxrss) / (1 << 20) // in bytes; elsewhere in KiB
	}
	return float64(usage.Maxrss) / (1 << 10)
}
