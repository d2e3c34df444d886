package main

import (
	"context"
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
	"github.com/rogpeppe/go-internal/testscript"
)

// asProgram makes the test binary be the program, so that tests can kill it.
const asProgram = "JANGBU_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(context.Background(), &commands{}, os.Args[1:], terminal{os.Stdout, os.Stderr}))
	}
	logging.Disable()
	testscript.Main(m, map[string]func(){
		"jangbu": func() {
			os.Exit(run(context.Background(), &commands{}, os.Args[1:], terminal{os.Stdout, os.Stderr}))
		},
	})
}
