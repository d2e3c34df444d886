package main

import (
	"reflect"
	"regexp"
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
	former := regexp.MustCompile(`--(event|store)\b`)
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
			if found := former.FindString(help); found != "" {
				t.Errorf("--help shows %s, which is a former name", found)
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
			if !hasJSON && !forShells(path) {
				t.Error("has no --json")
			}
		})
	}
}

// forShells reports whether a command prints what a shell or man reads, and nothing else.
func forShells(path string) bool { return path == "completion" || path == "man" }

// TestFormerFlags holds that flags that were renamed still work under their former
// names. That no help shows those is held by TestEveryCommand.
func TestFormerFlags(t *testing.T) {
	t.Parallel()
	renamed := map[string]string{
		"--event": "--campaign", "--store": "--shop", "--limit": "--last", "--with-reason": "--reason",
		"--to": "--into", "--role": "--token-role", "--pace": "--rate",
	}
	for _, line := range []string{
		"events tail --event=evt-1", "events show 1 --event=evt-1", "projections reset --all --event=evt-1",
		"replay --event=evt-1 --store=store-1", "verify --event=evt-1", "token --store=store-1 --store=store-2",
		"deadletters list --limit=3", "privacy accesses --limit=3", "deadletters discard --why=test --with-reason=key",
		"privacy rotate --to=next.key", "privacy cache-key --to=cache.key", "token --role=ops", "bench ingest --pace=5",
	} {
		parsed := func(line string) *commands {
			c := new(commands)
			parser, err := cli.NewParser(c)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(strings.Fields(line)); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			return c
		}
		now := line
		for former, name := range renamed {
			now = strings.ReplaceAll(now, former+"=", name+"=")
		}
		if !reflect.DeepEqual(parsed(line), parsed(now)) {
			t.Errorf("%q and %q are not the same", line, now)
		}
	}
}

// TestOneMeaningAFlag holds that a flag stands for the same kind of value in every command that
// has it: its placeholder is the same, or names what the other one names among others.
func TestOneMeaningAFlag(t *testing.T) {
	t.Parallel()
	type use struct{ path, kind string }
	used := make(map[string]use)
	for _, leaf := range leaves(t) {
		for _, flag := range leaf.Flags {
			kind := flag.PlaceHolder
			switch {
			case flag.IsBool():
				kind = "yes or no"
			case kind == "": // it shows its default
				continue
			}
			kind = strings.TrimPrefix(strings.TrimSuffix(kind, ",…"), "[KID=]")
			former, ok := used[flag.Name]
			switch {
			case !ok || strings.HasPrefix(kind, former.kind):
				used[flag.Name] = use{pathOf(leaf), kind}
			case !strings.HasPrefix(former.kind, kind):
				t.Errorf("--%s is %s in %q, and %s in %q", flag.Name, former.kind, former.path, kind, pathOf(leaf))
			}
		}
	}
	for _, flag := range []string{"tz", "yes", "why", "who", "reason", "last"} {
		if used[flag].path == "" {
			t.Errorf("no command has --%s", flag)
		}
	}
}
