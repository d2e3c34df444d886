//go:build !linux

package bench

import (
	"time"

	"jangbu/cmd/jangbu/cli"
)

// The times of processors are known on Linux only.
func processCPU() time.Duration   { return 0 }
func serverOf(int, string) int    { return 0 }
func serverCPU(int) time.Duration { return 0 }

func flushDisks() {}

func resetPeakMemory() {}

// peakMemoryMiB returns the largest resident memory of the process so far.
func peakMemoryMiB() float64 { return cli.PeakMemoryMiB() }
