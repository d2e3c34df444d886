//go:build !unix

package main

import "runtime"

// peakMemoryMiB returns the most memory that was ever asked of the system.
func peakMemoryMiB() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys) / (1 << 20)
}
