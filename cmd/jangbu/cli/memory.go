package cli

import (
	"errors"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/dustin/go-humanize"
)

const (
	// leastMemory is the least that is used without being told: the rows of a million events, of
	// a thousand campaigns over eleven days, take 100 MiB.
	leastMemory = 128 << 20
	// garbage is how much garbage there may be in percent of what is in use, as long as both are
	// within the budget: the collector then takes a third of its usual time of a long fold.
	garbage = 300
	// usualMemory is what a command uses where the machine does not say what it has.
	usualMemory = 300 << 20
)

// MemoryConfig says how much memory the folding of a whole log may use.
type MemoryConfig struct {
	Memory Bytes `env:"JANGBU_MEMORY" placeholder:"SIZE" help:"Memory that the folding of the whole log may use, such as 2GiB. Without it, a quarter of what the machine or the container has."`
}

// Bytes is a size in bytes, written such as 2GiB.
type Bytes uint64

// UnmarshalText implements [encoding.TextUnmarshaler]. An empty text is 0.
func (b *Bytes) UnmarshalText(text []byte) error {
	if *b = 0; len(text) == 0 {
		return nil
	}
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n == 0 || n > 1<<50 {
		return errors.New("expected a size such as 2GiB")
	}
	*b = Bytes(n)
	return nil
}

// Budget returns the bytes that may be used: what was given, or a quarter of what the
// container or else the machine has, but no less than 128 MiB.
func (c MemoryConfig) Budget() int64 {
	if c.Memory > 0 {
		return int64(c.Memory)
	}
	has, err := memlimit.FromCgroup()
	if machine, failed := memlimit.FromSystem(); failed == nil && (err != nil || machine < has) {
		has, err = machine, nil
	}
	if err != nil || has == 0 {
		return usualMemory
	}
	return max(leastMemory, int64(min(has, 1<<50)/4))
}

// Limit makes the budget a soft limit, beyond which the collector runs more often, and lets it run
// less often below, until restore is called. Where GOMEMLIMIT or GOGC sets one of them, that stays.
func (c MemoryConfig) Limit() (restore func()) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	before := debug.SetMemoryLimit(c.Budget())
	if os.Getenv("GOGC") != "" {
		return func() { debug.SetMemoryLimit(before) }
	}
	percent := debug.SetGCPercent(garbage)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(before)
	}
}
