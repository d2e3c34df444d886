package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
)

// endsWithin is how long a command may go on after SIGINT or SIGTERM.
const endsWithin = 5 * time.Second

// blackhole returns the address of a server that accepts connections and never answers. Each is
// told of.
func blackhole(t *testing.T) (at string, reached <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	connected := make(chan struct{}, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			select {
			case connected <- struct{}{}:
			default:
			}
		}
	}()
	return listener.Addr().String(), connected
}

// TestEveryCommandEndsSoon tells each command that waits for a database, a broker or a process that
// never answers to end: it does within 5 s, as interrupted.
func TestEveryCommandEndsSoon(t *testing.T) {
	t.Parallel()
	path, master := unraced(t), t.TempDir()+"/master.key"
	key := []byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
	if err := os.WriteFile(master, key, 0o600); err != nil {
		t.Fatal(err)
	}
	database := "--database-url postgres://jangbu@BLACKHOLE/jangbu?sslmode=disable"
	id := "00000000-0000-8000-8000-000000000001"
	for i, line := range []string{
		"verify " + database,
		"replay " + database,
		"events tail --follow " + database,
		"events export out.jsonl --why test " + database,
		"projections status " + database,
		"projections rebuild --all " + database,
		"deadletters retry --all --why test " + database,
		"deadletters discard " + id + " --why test --yes " + database,
		"privacy erase --campaign evt-1 --why test --yes " + database,
		"privacy scan " + database,
		"privacy rotate --into next.key --yes " + database,
		"backup copy --why test " + database,
		"sources " + database,
		"simulate --kafka-brokers BLACKHOLE",
		"bench ingest --kafka-brokers BLACKHOLE --events 1000",
		"bench replay --database-url postgres://jangbu@BLACKHOLE/jangbu?sslmode=disable",
		"health --admin-url http://BLACKHOLE",
	} {
		told := []os.Signal{syscall.SIGINT, syscall.SIGTERM}[i%2]
		name, _, _ := strings.Cut(line, " --")
		t.Run(name+", "+told.String(), func(t *testing.T) {
			t.Parallel()
			at, reached := blackhole(t)
			cmd := exec.CommandContext(t.Context(), path, strings.Fields(strings.ReplaceAll(line, "BLACKHOLE", at))...)
			cmd.Env, cmd.Dir = append(os.Environ(), asProgram+"=1", "JANGBU_MASTER_KEY_FILE="+master), t.TempDir()
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() { _ = cmd.Wait(); close(ended) }()
			select {
			case <-reached:
			case <-ended:
				t.Fatalf("it ended before it was told to: %s", &said)
			}
			start := time.Now()
			if err := cmd.Process.Signal(told); err != nil {
				t.Fatal(err)
			}
			<-ended
			if took, code := time.Since(start), cmd.ProcessState.ExitCode(); took > endsWithin || code != cli.ExitInterrupted {
				t.Errorf("it ended after %v with exit code %d, want %d within %v: %s", took, code, cli.ExitInterrupted, endsWithin, &said)
			}
		})
	}
}
