package service

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// heapGoal is the memory beyond which the collector runs before the heap has grown as far as main
// lets it, while less than half of it lives: a service that catches up with its topics would
// otherwise take five times what is on its way, which is 200 MiB. Beyond that the goal is twice
// what lives, so that the collector never runs without end.
const heapGoal = 256 << 20

// boundHeap keeps the memory of the process near the goal until ctx ends, unless the environment
// says how the collector is to run.
func boundHeap(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		metrics.Read(live)
		debug.SetMemoryLimit(max(heapGoal, 2*int64(live[0].Value.Uint64())))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
