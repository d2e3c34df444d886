//go:build gauntlet && linux

package gauntlet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clockVariable names the file that says by how many seconds a process' clock is wrong.
const clockVariable = "GAUNTLET_CLOCK"

// stepping is a file for the standard library's package time: the system's clock cannot be
// stepped for one process alone.
const stepping = `package time

import (
	"sync/atomic"
	"syscall"
)

var stepped atomic.Int64

func init() {
	path, ok := syscall.Getenv("` + clockVariable + `")
	if !ok {
		return
	}
	go func() {
		for {
			stepped.Store(readStep(path))
			Sleep(20 * Millisecond)
		}
	}()
}

func readStep(path string) (seconds int64) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	var text [32]byte
	n, _ := syscall.Read(fd, text[:])
	_ = syscall.Close(fd)
	sign := int64(1)
	for _, c := range text[:max(n, 0)] {
		switch {
		case c == '-':
			sign = -1
		case c >= '0' && c <= '9':
			seconds = seconds*10 + int64(c-'0')
		}
	}
	return sign * seconds
}
`

// build builds the program, with a clock that can be stepped, and returns its path.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	source, err := os.ReadFile(filepath.Join(at, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	head, body, found := bytes.Cut(source, []byte("\nfunc Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"))
	if !found {
		t.Fatal("time.Now of this version of Go is not as it was: the gauntlet does not know how to step its clock")
	}
	changed := string(head) + "\nfunc Now() Time {\n\tsec, nsec, mono := runtimeNow()\n\tsec += stepped.Load()\n" + string(body)
	replaced := map[string]string{}
	for name, text := range map[string]string{"time.go": changed, "step.go": stepping} {
		replaced[filepath.Join(at, name)] = filepath.Join(dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "jangbu")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-trimpath", "-o", program, "jangbu/cmd/jangbu")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, said)
	}
	return program
}

// step makes the process' clock wrong.
func (p *process) step(t *testing.T, by time.Duration) {
	t.Helper()
	if err := os.WriteFile(p.clock, []byte(strconv.FormatInt(int64(by/time.Second), 10)), 0o600); err != nil {
		t.Error(fmt.Errorf("step the clock of %s: %w", p.name, err))
	}
}
