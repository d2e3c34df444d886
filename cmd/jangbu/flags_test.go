package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"jangbu/cmd/jangbu/cli"
)

// TestARepeatedFlagIsAListOrAnError gives every flag of every command twice: of two values
// none is ignored.
func TestARepeatedFlagIsAListOrAnError(t *testing.T) {
	t.Parallel()
	for _, leaf := range leaves(t) {
		t.Run(pathOf(leaf), func(t *testing.T) {
			t.Parallel()
			args, single := strings.Fields(pathOf(leaf)), 0
			for _, flag := range leaf.Flags {
				value := flagValue(flag)
				switch {
				case flag.Name == "help":
				case !flag.IsCumulative():
					single++
					args = append(args, value, value)
				case flag.Required:
					args = append(args, value)
				}
			}
			for _, p := range leaf.Positional {
				if p.Required {
					args = append(args, "1")
				}
			}
			_, complaint, code := command(t, args...)
			if got := strings.Count(complaint, ": is given more than once"); got != single || single > 0 && code != cli.ExitUsage {
				t.Errorf("%q exits with %d and names %d flags, want %d: %s", args, code, got, single, complaint)
			}
		})
	}
}

// flagValue returns the flag with a value that it takes.
func flagValue(flag *kong.Flag) string {
	value := "--" + flag.Name
	switch {
	case flag.IsBool():
		return value
	case flag.Enum != "":
		return value + "=" + flag.EnumSlice()[0]
	case flag.Target.CanInt() && flag.Target.Type().Name() == "Duration":
		return value + "=1s"
	default:
		return value + "=1"
	}
}
