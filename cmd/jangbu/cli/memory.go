package cli

import (
	"os"
	"runtime/debug"
)

// foldMemory is what a command that folds a whole log tries to get by with: beyond it
// memory is given back at once instead of in bulk, which takes longer. A million events
// of a thousand campaigns, over eleven days, leave rows of 100 MiB.
const foldMemory = 300 << 20

// LimitMemory bounds the memory, unless GOMEMLIMIT does, until the returned function is
// called.
func LimitMemory() (restore func()) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	before := debug.SetMemoryLimit(foldMemory)
	return func() { debug.SetMemoryLimit(before) }
}
