package main

import (
	"context"
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
	"github.com/rogpeppe/go-internal/testscript"

	"jangbu/cmd/jangbu/cli"
)

// asProgram makes the test binary be the program, so that tests can kill it.
const asProgram = "JANGBU_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Run(context.Background(), &commands{}, os.Args[1:], cli.Terminal{Out: os.Stdout, Err: os.Stderr}))
	}
	logging.Disable()
	testscript.Main(m, map[string]func(){
		"jangbu": func() {
			os.Exit(cli.Run(context.Background(), &commands{}, os.Args[1:], cli.Terminal{Out: os.Stdout, Err: os.Stderr}))
		},
	})
}
