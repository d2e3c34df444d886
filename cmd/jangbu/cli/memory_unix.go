//go:build unix

package cli

import (
	"runtime"
	"syscall"
)

// PeakMemoryMiB returns the most memory that the process has had resident.
func PeakMemoryMiB() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return float64(usage.Maxrss) / (1 << 20) // there it is in bytes
	}
	return float64(usage.Maxrss) / (1 << 10)
}
