package main

import (
	"strings"
	"testing"

	"jangbu/cmd/jangbu/cli"
)

// TestARepeatedFlagIsAListOrAnError gives every flag of every command twice: of two values
// none is ignored.
func TestARepeatedFlagIsAListOrAnError(t *testing.T) {
	t.Parallel()
	for _, leaf := range leaves(t) {
		for _, flag := range leaf.Flags {
			if flag.IsCumulative() || flag.Name == "help" {
				continue
			}
			t.Run(pathOf(leaf)+" --"+flag.Name, func(t *testing.T) {
				t.Parallel()
				value := "--" + flag.Name
				switch {
				case flag.IsBool():
				case flag.Enum != "":
					value += "=" + flag.EnumSlice()[0]
				case flag.Target.CanInt() && flag.Target.Type().Name() != "Duration":
					value += "=1"
				case flag.Target.CanFloat():
					value += "=1"
				case flag.Target.CanInt():
					value += "=1s"
				default:
					value += "=1"
				}
				args := append(strings.Fields(pathOf(leaf)), value, value)
				for _, f := range leaf.Flags {
					if f.Required && f != flag {
						args = append(args, "--"+f.Name+"=1")
					}
				}
				for _, p := range leaf.Positional {
					if p.Required {
						args = append(args, "1")
					}
				}
				_, complaint, code := command(t, args...)
				if want := "--" + flag.Name + ": is given more than once"; code != cli.ExitUsage || !strings.Contains(complaint, want) {
					t.Errorf("%q exits with %d and says %q; want %q", args, code, complaint, want)
				}
			})
		}
	}
}
