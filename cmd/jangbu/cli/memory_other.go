//go:build !unix

package cli

import "runtime"

// PeakMemoryMiB returns the most memory that was ever asked of the system.
func PeakMemoryMiB() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys) / (1 << 20)
}
