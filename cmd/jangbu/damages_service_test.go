package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/cmd/jangbu/cli"
)

// inProcess is a service in this process.
type inProcess struct {
	*program
	log   *lockedBuffer
	end   func()        // stops it
	ended chan struct{} // it has ended
	code  int
}

// lockedBuffer is what a service logs.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// begin starts a service.
func (p *patient) begin(flags ...string) *inProcess {
	p.Helper()
	ctx, cancel := context.WithCancel(p.Context())
	out := new(lockedBuffer)
	s := &inProcess{program: new(program), log: new(lockedBuffer), ended: make(chan struct{})}
	args := slices.Concat([]string{
		"serve", "--insecure-no-auth", "--log-level", "warn", "--http-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0",
		"--kafka-listen", "127.0.0.1:0", "--audit-within", "1s", "--rate-per-address", "0",
	}, p.flags("serve"), flags)
	go func() {
		defer close(s.ended)
		s.code = cli.Run(ctx, &commands{}, args, cli.Terminal{Out: out, Err: s.log})
	}()
	s.end = func() { cancel(); <-s.ended }
	p.Cleanup(s.end)
	for running := true; running && s.admin == ""; {
		select {
		case <-s.ended:
			running = false
		case <-time.After(5 * time.Millisecond):
		}
		for line := range strings.Lines(out.String()) {
			if !strings.HasSuffix(line, "\n") {
				break
			}
			part, rest, _ := strings.Cut(line, " ")
			at, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			switch part {
			case "broker":
				s.broker = at
			case "api":
				s.api = at
			case "admin":
				s.admin = strings.TrimSpace(at)
			}
		}
	}
	return s
}

// serve starts a service, which must start.
func (p *patient) serve(flags ...string) *inProcess {
	p.Helper()
	s := p.begin(flags...)
	if s.admin == "" {
		p.Fatalf("serve ends with %d: %s", s.code, s.log)
	}
	return s
}

// healthy checks that the patient is as the template: verify says so, and a service serves the
// same.
func (p *patient) healthy() {
	p.Helper()
	p.run("verify")
	p.run("verify", "--log")
	s := p.serve()
	waitFor(p.T, 20*time.Second, func() string { return p.differs(s) })
	if status, ready := s.ask(p.T, strings.Replace(s.admin, "/metrics", "/readyz", 1)); status != http.StatusOK {
		p.Errorf("/readyz says, with status %d, %s", status, ready)
	}
	s.end()
}

// differs returns how what a service serves differs from the template's.
func (p *patient) differs(s *inProcess) string {
	p.Helper()
	for id, want := range p.served {
		status, got := s.ask(p.T, s.api+"/api/events/"+id+"/analytics")
		if got := lasting(got); status != http.StatusOK || got != want {
			return fmt.Sprintf("%s is served with status %d (-want +got):\n%s", id, status, cmp.Diff(want, got))
		}
	}
	return ""
}
