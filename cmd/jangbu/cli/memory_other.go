//go:build !unix

package cli

import "runtime"

// PeakMemoryMiB returns the memory that the process has obtained from the system.
func PeakMemoryMiB() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys) / (1 << 20)
}
