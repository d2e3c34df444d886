package cli

import (
	"os"
	"runtime/debug"
)

// memoryLimit is the soft limit for a command that folds a whole log. Beyond it the
// collector runs more often, which takes longer. The rows of a million events, of a
// thousand campaigns over eleven days, take 100 MiB.
const memoryLimit = 300 << 20

// LimitMemory sets a soft limit on memory, unless GOMEMLIMIT sets one, until restore is
// called.
func LimitMemory() (restore func()) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	before := debug.SetMemoryLimit(memoryLimit)
	return func() { debug.SetMemoryLimit(before) }
}
