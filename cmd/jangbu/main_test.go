package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9/logging"
	"github.com/rogpeppe/go-internal/testscript"

	"jangbu/cmd/jangbu/cli"
)

// asProgram makes the test binary be the program, so that tests can kill it.
const asProgram = "JANGBU_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Run(context.Background(), &commands{}, os.Args[1:], cli.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	logging.Disable()
	if err := os.Setenv("JANGBU_DRAIN", "0s"); err != nil { // no test's client heeds /readyz
		panic(err)
	}
	testscript.Main(tidy{m}, map[string]func(){
		"jangbu": func() {
			os.Exit(cli.Run(context.Background(), &commands{}, os.Args[1:], cli.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
		},
	})
}

// tidy removes what the tests have built.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	code := m.M.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	return code
}

// built is the directory of buildUnraced.
var built string

var buildUnraced = sync.OnceValues(func() (path string, err error) {
	if !raced || os.Getenv("JANGBU_TEST_RACED") != "" {
		return os.Executable()
	}
	if path = os.Getenv("JANGBU_TEST_PROGRAM"); path != "" {
		return path, nil
	}
	if built, err = os.MkdirTemp("", "jangbu-unraced-"); err != nil {
		return "", err
	}
	path = filepath.Join(built, "jangbu")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// unraced returns the path of a program without the race detector. Commands that only have
// to print and store the right thing run in it: with the detector a command line takes three
// to ten times as long, and nearly all of them do one thing after the other. It is the one that
// JANGBU_TEST_PROGRAM names, which scripts/test has built, else one that is built now. With
// JANGBU_TEST_RACED it is the one with the detector all the same.
func unraced(t testing.TB) string {
	t.Helper()
	path, err := buildUnraced()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
