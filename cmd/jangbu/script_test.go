package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"jangbu/cmd/jangbu/cli"
	"jangbu/projections"
	"jangbu/readmodel/sqliterows"
)

// scripts are the command lines that are tried, with what they must print.
const scripts = "testdata/script"

// TestScripts runs the scripts. Beside testscript's own commands they have:
//
//	bury DIR (ID TOPIC FILE REASON)…     makes a data directory whose log has dead letters
//	hold FILE LEASE OWNER TIME           acquires a lease in the file of rows
//	exits CODE PROGRAM ARG…              runs it, and demands that exit code
//	interrupt FILE PATTERN PROGRAM ARG…  runs it, sends SIGINT once a line of standard
//	                                     output matches, demands exit code 130, and
//	                                     puts standard output into the file
//	jsonschema NAME [FILE]               demands that each JSON value in the file, or in
//	                                     the last standard output, be as the schema says
//
// The programs run without the race detector, except for what is interrupted: serve and demo.
// EXPORT is the path of an export: 18 events of two campaigns. COMPARED is that of another, of two
// shops with withdrawals. PROJECTIONS is how many projections there are.
func TestScripts(t *testing.T) {
	t.Parallel()
	export, err := filepath.Abs("testdata/export/log.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	compared, err := filepath.Abs("testdata/compared/log.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	path := unraced(t)
	testscript.Run(t, testscript.Params{
		Dir: scripts,
		Setup: func(e *testscript.Env) error {
			if raced {
				e.Setenv("PATH", filepath.Dir(path)+string(filepath.ListSeparator)+e.Getenv("PATH"))
			}
			e.Setenv("EXPORT", export)
			e.Setenv("COMPARED", compared)
			e.Setenv("PROJECTIONS", strconv.Itoa(len(projections.All())))
			e.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"bury":       scriptBury,
			"earlier":    scriptEarlier,
			"exits":      scriptExits,
			"hold":       scriptHold,
			"interrupt":  scriptInterrupt,
			"jsonschema": scriptJSONSchema,
		},
	})
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if code := exitCodeOf(err); code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func scriptHold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: hold FILE LEASE OWNER TIME")
	}
	ttl, err := time.ParseDuration(args[3])
	ts.Check(err)
	rows, err := sqliterows.Open(context.Background(), ts.MkAbs(args[0]), projections.Tables(projections.All()))
	ts.Check(err)
	_, ok, err := rows.Acquire(context.Background(), args[1], args[2], ttl)
	ts.Check(errors.Join(err, rows.Close()))
	if !ok {
		ts.Fatalf("another holds lease %s", args[1])
	}
}

func scriptInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt FILE PATTERN PROGRAM ARG…")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	var out, complaint bytes.Buffer
	cmd := exec.Command(args[2], args[3:]...)
	cmd.Dir, cmd.Stderr = ts.MkAbs("."), &complaint
	pipe, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	lines := bufio.NewScanner(io.TeeReader(pipe, &out))
	found := false
	for !found && lines.Scan() {
		found = pattern.Match(lines.Bytes())
	}
	if found {
		ts.Check(cmd.Process.Signal(os.Interrupt))
	}
	for lines.Scan() { // to its end
	}
	code := exitCodeOf(cmd.Wait())
	ts.Logf("[stdout]\n%s[stderr]\n%s", &out, &complaint)
	if !found || code != cli.ExitInterrupted {
		ts.Fatalf("found %q: %v; exit code %d, want %d", args[1], found, code, cli.ExitInterrupted)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), out.Bytes(), 0o600))
}

func scriptJSONSchema(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: jsonschema NAME [FILE]")
	}
	file := "stdout"
	if len(args) == 2 {
		file = args[1]
	}
	ts.Check(checkJSON(args[0], []byte(ts.ReadFile(file))))
}

// TestScriptsCoverEveryCommand holds that each command has a usage error in a script
// and a schema that its --json was validated with, that a script uses each flag, and that
// each exit code is met.
func TestScriptsCoverEveryCommand(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(scripts + "/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
		all.WriteString("\n")
	}
	lines := strings.Split(all.String(), "\n")
	has := func(begins string) bool {
		return slices.ContainsFunc(lines, func(line string) bool { return line == begins || strings.HasPrefix(line, begins+" ") })
	}
	// What needs brokers at an address that only a test knows.
	byTests := map[string]string{"health": "TestHealth", "simulate": "TestSimulate", "sources": "TestSources"}
	for _, leaf := range leaves(t) {
		path := pathOf(leaf)
		if !has("exits 2 jangbu " + path) {
			t.Errorf("no script has a usage error of %s: exits 2 jangbu %s …", path, path)
		}
		if forShells(path) {
			continue
		}
		name := strings.ReplaceAll(path, " ", "-")
		if _, err := os.Stat(schemaPath(name)); err != nil {
			t.Errorf("%s --json has no schema: %v", path, err)
		}
		if test := byTests[path]; !has("jsonschema "+name) && test == "" {
			t.Errorf("no script validates %s --json: jsonschema %s", path, name)
		}
	}
	for _, leaf := range leaves(t) {
		path := pathOf(leaf)
		if byTests[path] != "" || forShells(path) {
			continue
		}
		short := strings.TrimSuffix(path, " mint") // what jangbu token does without a name
		for _, flag := range leaf.Flags {
			by := path + `|` + short
			if len(flag.Envs) > 0 { // it may be that of several commands, with one meaning
				by = `.*`
			}
			used := regexp.MustCompile(`jangbu (` + by + `) .*--` + flag.Name + `\b`)
			if !flag.Hidden && !used.MatchString(all.String()) {
				t.Errorf("no script uses %s --%s", path, flag.Name)
			}
		}
	}
	codes := regexp.MustCompile(`\d+`).FindAllString(cli.ExitCodesHelp(), -1)
	if len(codes) < 6 {
		t.Errorf("only the exit codes %q are in the help", codes)
	}
	for _, code := range codes {
		met := has("exits "+code+" jangbu") ||
			code == strconv.Itoa(cli.ExitDone) && has("exec jangbu") || code == strconv.Itoa(cli.ExitInterrupted) && has("interrupt")
		if !met {
			t.Errorf("no script meets exit code %s", code)
		}
	}
}
