//go:build gauntlet && linux

package gauntlet

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a process of the program, which is started again each time that it is ended.
type process struct {
	name, program, clock string
	args, environment    []string
	log                  io.Writer
	recorder             *Recorder
	client               http.Client

	mu         sync.Mutex
	cmd        *exec.Cmd // nil while it does not run
	life       int       // counts its starts
	api, admin string    // empty until it says them
	ending     bool      // it is being ended
	ended      chan error
}

func newProcess(t *testing.T, r *Recorder, program, name string, environment []string, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	p := &process{
		name: name, program: program, clock: filepath.Join(dir, "clock"), recorder: r, client: http.Client{Timeout: 3 * time.Second},
		args: append([]string{
			"serve", "--json", "--insecure-no-auth", "--instance", name, "--http-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
			"--drain", "0s", "--access-log", "off",
		}, args...),
	}
	if !slices.Contains(args, "--data-dir") {
		p.args = append(p.args, "--data-dir", filepath.Join(dir, "data"))
	}
	log, err := os.Create(filepath.Join(*recorded, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	p.environment = append(append(os.Environ(), clockVariable+"="+p.clock, "JANGBU_LOG_FORMAT=text"), environment...)
	t.Cleanup(func() { _ = p.end(syscall.SIGKILL) }) // "signal: killed"
	p.log = log
	p.start(t)
	return p
}

// start starts the process, and again when it ends.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.step(t, 0) // a process whose clock is wrong does not start
	cmd := exec.Command(p.program, p.args...)
	cmd.Env, cmd.Stderr = p.environment, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Errorf("start %s: %v", p.name, err)
		return
	}
	p.mu.Lock()
	p.cmd, p.api, p.admin, p.ending, p.ended = cmd, "", "", false, make(chan error, 1)
	p.life++
	ended := p.ended
	p.mu.Unlock()
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var part struct{ Part, At string }
			if json.Unmarshal(lines.Bytes(), &part) != nil {
				continue
			}
			p.mu.Lock()
			switch part.Part {
			case "api":
				p.api = part.At
			case "admin":
				p.admin = part.At
			}
			p.mu.Unlock()
		}
		err := cmd.Wait()
		p.mu.Lock()
		expected := p.ending
		p.cmd, p.api, p.admin = nil, "", ""
		p.mu.Unlock()
		if !expected {
			p.recorder.Add(time.Now(), Line{Kind: kindEnded, Target: p.label(), Error: fmt.Sprint(err)})
			p.start(t)
		}
		ended <- err
	}()
}

// restart kills the process and starts it again.
func (p *process) restart(t *testing.T) {
	t.Helper()
	_ = p.end(syscall.SIGKILL) // "signal: killed"
	p.start(t)
}

// label names this life of the process.
func (p *process) label() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.name + "/" + strconv.Itoa(p.life)
}

// end ends the process, waits until it has ended and returns how.
func (p *process) end(by syscall.Signal) error {
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.ending = true
	p.mu.Unlock()
	if cmd == nil {
		return nil
	}
	_ = cmd.Process.Signal(by)
	_ = cmd.Process.Signal(syscall.SIGCONT)
	return <-ended
}

// started reports whether the process runs and has said where it listens.
func (p *process) started() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.admin != ""
}

func (p *process) signal(by syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(by)
	}
}

// ask asks the API, or the operators' address with admin. The status is 0 without an answer.
func (p *process) ask(ctx context.Context, admin bool, path string) (status int, answer []byte) {
	p.mu.Lock()
	at := p.api
	if admin {
		at = strings.TrimSuffix(p.admin, "/metrics")
	}
	p.mu.Unlock()
	if at == "" {
		return 0, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at+path, nil)
	if err != nil {
		return 0, nil
	}
	response, err := p.client.Do(request)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = response.Body.Close() }()
	if answer, err = io.ReadAll(response.Body); err != nil {
		return 0, nil
	}
	return response.StatusCode, answer
}

// metrics returns the process' own metrics; nothing where it does not answer.
func (p *process) metrics(ctx context.Context) map[string]int64 {
	all := map[string]int64{}
	status, text := p.ask(ctx, true, "/metrics")
	if status != http.StatusOK {
		return all
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseFloat(value, 64); err == nil && strings.HasPrefix(name, "jangbu_") {
			all[name] = int64(n)
		}
	}
	return all
}
