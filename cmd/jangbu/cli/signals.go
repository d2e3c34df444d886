package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Lasting is a command that runs until it is told to end. It then takes the time that its flags
// give it, and SIGTERM is the ordinary way to tell it. Every other command has ended, as
// interrupted, at most 5 s after SIGINT, SIGTERM or SIGHUP.
type Lasting interface{ Lasts() }

// endTime is how long a command may go on after it was told to end. What it does is left as by a
// kill, which every command withstands.
const endTime = 4 * time.Second

// errTerminated is the cause of a context that SIGTERM or SIGHUP has ended.
var errTerminated = errors.New("terminated")

// signals ends a command line where the process is told to.
type signals struct {
	stop func()

	mu      sync.Mutex
	lasting bool     // guarded by mu
	says    Terminal // guarded by mu; where it says that it was ended
}

// withSignals ends the context at the first SIGINT, SIGTERM or SIGHUP, unless the process was
// started with SIGHUP ignored, as by nohup; a second one kills the process.
func withSignals(parent context.Context) (context.Context, *signals) {
	ctx, cancel := context.WithCancelCause(parent)
	sent := make(chan os.Signal, 1)
	signal.Notify(sent, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(sent, syscall.SIGHUP)
	}
	s := &signals{stop: func() { signal.Stop(sent); cancel(nil) }}
	go func() {
		select {
		case one := <-sent:
			signal.Stop(sent)
			if one == os.Interrupt {
				cancel(ErrInterrupted)
			} else {
				cancel(errTerminated)
			}
			time.AfterFunc(endTime, s.end)
		case <-ctx.Done():
		}
	}()
	return ctx, s
}

// command says what runs.
func (s *signals) command(lasting bool, t Terminal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lasting, s.says = lasting, t
}

// interrupted reports whether a signal has ended the command before it was done.
func (s *signals) interrupted(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	cause := context.Cause(ctx)
	return errors.Is(cause, ErrInterrupted) || errors.Is(cause, errTerminated) && !s.lasting
}

// end ends the process, unless its command takes its own time.
func (s *signals) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lasting {
		return
	}
	if s.says.Err != nil {
		s.says.Warnf("jangbu: %v; it was waiting for what does not answer", ErrInterrupted)
	}
	os.Exit(ExitInterrupted)
}
