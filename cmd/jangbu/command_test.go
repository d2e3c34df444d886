package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"jangbu/cmd/jangbu/cli"
)

// leaves returns the commands that do something, hidden ones left out: those are
// for this program itself.
func leaves(t *testing.T) []*kong.Node {
	t.Helper()
	parser, err := cli.NewParser(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Leaves(true)
}

// pathOf returns the words of a command, as "events tail".
func pathOf(leaf *kong.Node) string {
	return strings.TrimPrefix(leaf.FullPath(), "jangbu ")
}

// TestEveryCommand holds what all commands have in common: help with examples and
// with the exit codes, and output for machines.
func TestEveryCommand(t *testing.T) {
	t.Parallel()
	for _, leaf := range leaves(t) {
		path := pathOf(leaf)
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			help, complaint, code := command(t, append(strings.Fields(path), "--help")...)
			if code != cli.ExitDone || complaint != "" {
				t.Fatalf("--help exits with %d and complains %q", code, complaint)
			}
			if !strings.Contains(help, "Examples:\n") || !strings.Contains(help, "\n    jangbu "+path) {
				t.Errorf("--help has no example of it:\n%s", help)
			}
			if !strings.HasSuffix(help, "\n"+cli.ExitCodesHelp()+"\n") {
				t.Errorf("--help does not end with the exit codes:\n%s", help)
			}
			if leaf.Help == "" {
				t.Error("has no line in the list of commands")
			}
			hasJSON := false
			for _, flag := range leaf.Flags {
				hasJSON = hasJSON || flag.Name == "json" && flag.IsBool()
				if flag.Help == "" {
					t.Errorf("--%s has no help", flag.Name)
				}
			}
			if !hasJSON {
				t.Error("has no --json")
			}
		})
	}
}
