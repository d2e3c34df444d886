package accesslog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"jangbu/events/outage"
	"jangbu/httpapi"
)

const (
	// MaxQueued is how many lines wait for the disk.
	MaxQueued = 8192
	// gatherFor is how long lines gather before they are written: no request pays for waking
	// the writer.
	gatherFor = 20 * time.Millisecond
	// closeTimeout bounds the writing of what is queued when the log is closed.
	closeTimeout = 2 * time.Second
)

// Log writes lines. [New] makes one. It is safe for concurrent use.
type Log struct {
	wake    chan struct{} // has room for one: there are lines
	stop    chan struct{} // closed by Close
	stopped chan struct{} // closed when the writer has ended
	dropped atomic.Int64
	missing atomic.Int64 // lines that were dropped since a line last said so
	outage  outage.Log

	mu      sync.Mutex
	waiting []byte // guarded by mu: lines that are to be written. Bytes, in which a collection of garbage finds nothing to follow.
	lines   int64  // guarded by mu: in waiting
	queued  int64  // guarded by mu: in waiting, and those that are being written

	out     io.Writer // of the writer
	writing []byte    // of the writer
}

// New returns a log that writes to out, from one goroutine. It says in the service's log when
// it cannot.
func New(out io.Writer, service *slog.Logger) *Log {
	l := &Log{
		wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}), out: out,
		outage: outage.Log{
			Logger: service, Level: slog.LevelError,
			Began: "access log: lines are dropped, and counted", Ended: "access log: every line is written again",
		},
	}
	go l.run()
	return l
}

// errFull: lines are observed faster than they are written.
var errFull = errors.New("too many lines wait for the disk")

// Observe queues the line of an observation. It does not wait for the disk.
func (l *Log) Observe(o httpapi.Observation) {
	if !l.queue(o) {
		l.drop(1, errFull)
	}
}

func (l *Log) queue(o httpapi.Observation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queued == MaxQueued {
		return false
	}
	l.waiting = appendLine(l.waiting, o)
	l.queued++
	if l.lines++; l.lines == 1 {
		select {
		case l.wake <- struct{}{}:
		default: // it is to be woken already
		}
	}
	return true
}

// Dropped returns how many lines were not written.
func (l *Log) Dropped() int64 { return l.dropped.Load() }

// Close writes what is queued. Lines that are observed later are not written.
func (l *Log) Close() error {
	close(l.stop)
	select {
	case <-l.stopped:
		return nil
	case <-time.After(closeTimeout):
		l.mu.Lock()
		defer l.mu.Unlock()
		return fmt.Errorf("close access log: %d lines could not be written in %v", l.queued, closeTimeout)
	}
}

func (l *Log) drop(lines int64, why error) {
	l.dropped.Add(lines)
	l.missing.Add(lines)
	l.outage.Failed(context.Background(), why)
}

func (l *Log) run() {
	defer close(l.stopped)
	for {
		select {
		case <-l.wake:
			select {
			case <-time.After(gatherFor):
			case <-l.stop:
			}
			l.write()
		case <-l.stop:
			l.write()
			return
		}
	}
}

// take returns the lines that wait, and how many.
func (l *Log) take() (text []byte, lines int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, lines = l.waiting, l.lines
	l.waiting, l.lines = l.writing[:0], 0
	return text, lines
}

// write writes the lines that wait.
func (l *Log) write() {
	text, lines := l.take()
	l.writing = text
	if lines == 0 {
		return
	}
	var err error
	missing := l.missing.Swap(0)
	if missing > 0 {
		if _, err = l.out.Write(appendMissing(nil, missing)); err != nil {
			l.missing.Add(missing)
		}
	}
	if err == nil {
		_, err = l.out.Write(text)
	}
	l.mu.Lock()
	l.queued -= lines
	l.mu.Unlock()
	switch {
	case err != nil:
		l.drop(lines, err)
	case missing == 0:
		l.outage.Succeeded(context.Background())
	}
}
