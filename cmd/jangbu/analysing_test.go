package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"jangbu/events/eventstest/services"
)

// TestAnalysing runs the day that the chapter "Analysing" tells, from an empty directory: each
// command of it, in its order, prints what the chapter shows.
func TestAnalysing(t *testing.T) {
	t.Parallel()
	duckdb := services.DuckDB(t)
	chapter, err := os.ReadFile(filepath.Join("analyse", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	script := scriptOf(string(chapter), "A day in the life")
	for _, part := range []string{"events export", "duckdb -csv", "replay --set @", "--as-of", "compare", "why"} {
		if !strings.Contains(script, part) {
			t.Errorf("the chapter has no %s", part)
		}
	}
	file := filepath.Join(t.TempDir(), "day.txtar")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Dir(duckdb)
	if raced {
		path = filepath.Dir(unraced(t)) + string(filepath.ListSeparator) + path
	}
	testscript.Run(t, testscript.Params{
		Files: []string{file},
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", path+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("GORACE", os.Getenv("GORACE"))
			example := filepath.Join(e.WorkDir, "cmd", "jangbu", "testdata", "compared")
			return os.CopyFS(example, os.DirFS(filepath.Join("testdata", "compared")))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"prints": scriptPrints},
	})
}

// scriptOf returns the blocks of a chapter's section as a script. A line with a prompt is a command
// of the shell, and what follows it its output.
func scriptOf(chapter, section string) string {
	_, text, _ := strings.Cut(chapter, "\n## "+section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var run, printed strings.Builder
	commands, inBlock := 0, false
	for line := range strings.Lines(text) {
		code, ok := strings.CutPrefix(line, "    ")
		command, isCommand := strings.CutPrefix(code, "$ ")
		switch {
		case ok && isCommand:
			commands++
			inBlock = true
			fmt.Fprintf(&run, "exec sh -c '%s'\nprints %d\n", strings.ReplaceAll(strings.TrimSpace(command), "'", "''"), commands)
			fmt.Fprintf(&printed, "-- %d --\n", commands)
		case ok && inBlock:
			printed.WriteString(code)
		case strings.TrimSpace(line) == "" && inBlock: // between two parts of one output
			printed.WriteString("\n")
		default:
			inBlock = false
		}
	}
	return run.String() + printed.String()
}

// scriptPrints demands that the last standard output be as the file says, but for the spaces at
// the ends of lines. Where it has … there may be anything.
func scriptPrints(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: prints FILE")
	}
	got, want := linesOf(ts.ReadFile("stdout")), linesOf(ts.ReadFile(args[0]))
	var pattern strings.Builder
	for i, part := range strings.Split(want, "…") {
		if i > 0 {
			pattern.WriteString("(?s:.*)")
		}
		pattern.WriteString(regexp.QuoteMeta(part))
	}
	if !regexp.MustCompile("^" + pattern.String() + "$").MatchString(got) {
		ts.Fatalf("printed:\n%s\nthe chapter says:\n%s", got, want)
	}
}

// linesOf returns the lines of a text without the spaces at their ends, and without the empty ones
// at its end.
func linesOf(text string) string {
	var all strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		all.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return all.String()
}
