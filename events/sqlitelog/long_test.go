//go:build unix

package sqlitelog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// BenchmarkToALongLog appends as many million events as JANGBU_TEST_MILLIONS says, in the batches of
// group commit under load. It prints for each million the rate and what the process spent on it, which
// are flat. Without the variable it is a short trial.
func BenchmarkToALongLog(b *testing.B) {
	turns, batches := 3, 10
	if millions, err := strconv.Atoi(os.Getenv("JANGBU_TEST_MILLIONS")); err == nil {
		turns, batches = millions, 200
	}
	for range b.N {
		if b.N > 1 {
			b.Fatal("a log has one beginning: -benchtime 1x")
		}
		path := filepath.Join(b.TempDir(), "log.db")
		log := open(b, path)
		for turn := range turns {
			var wall, spent time.Duration
			for i := range batches {
				batch := batchOf(turn*batches + i)
				start, before := time.Now(), processorTime(b)
				if _, err := log.Append(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
				wall, spent = wall+time.Since(start), spent+processorTime(b)-before
			}
			n := batches * batchSize
			micros := float64(spent.Microseconds()) / float64(n)
			b.Logf("%8d events: %7.0f/s, %5.2f µs an event", (turn+1)*n, float64(n)/wall.Seconds(), micros)
			if turn == 0 || turn == turns-1 {
				b.ReportMetric(micros, fmt.Sprintf("µs/event-%d", turn+1))
			}
		}
	}
}

// processorTime returns what the process has spent.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
