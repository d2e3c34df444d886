package cli_test

import (
	"testing"

	"jangbu/cmd/jangbu/cli"
)

func TestBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]cli.Bytes{
		"": 0, "2GiB": 2 << 30, "512 MiB": 512 << 20, "1GB": 1_000_000_000, "134217728": 128 << 20,
		"1": 1, "0": 0, "-1GiB": 0, "much": 0, "9EB": 0,
	} {
		var b cli.Bytes
		err := b.UnmarshalText([]byte(text))
		if b != want || (err != nil) != (want == 0 && text != "") {
			t.Errorf("%q: %d, %v; want %d", text, b, err, want)
		}
	}
}

// TestMemoryBudget: the budget is what was given, or comes of the machine.
func TestMemoryBudget(t *testing.T) {
	t.Parallel()
	if got := (cli.MemoryConfig{Memory: 200 << 20}).Budget(); got != 200<<20 {
		t.Errorf("given 200 MiB: %d", got)
	}
	if got := (cli.MemoryConfig{}).Budget(); got < 128<<20 || got > 1<<48 {
		t.Errorf("of the machine: %d", got)
	}
}
