package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"jangbu/cmd/jangbu/cli"
)

// tick is the unit of times in /proc, on every architecture that Go runs on.
const tick = 10 * time.Millisecond

// processCPU returns the time that processors have spent on this process.
func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serverOf returns the process that started a backend of PostgreSQL; 0 where that is not on
// this machine, which its title tells: it has the name of the database.
func serverOf(backend int, database string) int {
	title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", backend))
	if err != nil || !bytes.Contains(title, []byte(database)) {
		return 0
	}
	server, _, _ := processTimes(fmt.Sprintf("/proc/%d/stat", backend))
	return server
}

// serverCPU returns the time that processors have spent on all processes of a PostgreSQL, also
// on those that have ended; 0 where there is none.
func serverCPU(server int) (all time.Duration) {
	if server == 0 {
		return 0
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		parent, own, ended := processTimes(stat)
		if parent == server {
			all += own
		}
		if stat == fmt.Sprintf("/proc/%d/stat", server) {
			all += own + ended
		}
	}
	return all
}

// processTimes reads the parent of a process, and what processors have spent on it and on its
// children that have ended. All are 0 for a process that has ended.
func processTimes(stat string) (parent int, own, ended time.Duration) {
	text, err := os.ReadFile(stat)
	if err != nil {
		return 0, 0, 0
	}
	_, after, _ := strings.Cut(string(text[max(bytes.LastIndexByte(text, ')'), 0):]), " ")
	fields := strings.Fields(after)
	if len(fields) < 15 {
		return 0, 0, 0
	}
	number := func(i int) time.Duration {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		return time.Duration(n)
	}
	return int(number(1)), (number(11) + number(12)) * tick, (number(13) + number(14)) * tick
}

// flushDisks writes what files still have in memory, so that what is measured next does not wait for
// what was measured before.
func flushDisks() { syscall.Sync() }

// resetPeakMemory lets peakMemoryMiB begin anew, where the system allows that.
func resetPeakMemory() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMemoryMiB returns the largest resident memory since resetPeakMemory.
func peakMemoryMiB() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, found := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseFloat(strings.Fields(after + " 0")[0], 64)
	if !found || err != nil {
		return cli.PeakMemoryMiB()
	}
	return kib / (1 << 10)
}
