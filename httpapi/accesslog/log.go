package accesslog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"jangbu/events/outage"
	"jangbu/httpapi"
)

const (
	// MaxQueued is how many lines wait for the disk.
	MaxQueued = 8192
	// batchBytes is how many bytes of lines are written at once.
	batchBytes = 64 << 10
	// closeTimeout bounds the writing of what is queued when the log is closed.
	closeTimeout = 2 * time.Second
)

// Log writes lines. [New] makes one. It is safe for concurrent use.
type Log struct {
	queue   chan httpapi.Observation
	stop    chan struct{} // closed by Close
	stopped chan struct{} // closed when the writer has ended
	dropped atomic.Int64
	missing atomic.Int64 // lines that were dropped since a line last said so
	outage  outage.Log

	// The writer's own.
	out   io.Writer
	batch []byte
}

// New returns a log that writes to out, from one goroutine. It says in the service's log when
// it cannot.
func New(out io.Writer, service *slog.Logger) *Log {
	l := &Log{
		queue: make(chan httpapi.Observation, MaxQueued), stop: make(chan struct{}), stopped: make(chan struct{}), out: out,
		outage: outage.Log{
			Logger: service, Level: slog.LevelError,
			Began: "access log: lines are dropped, and counted", Ended: "access log: every line is written again",
		},
	}
	go l.run()
	return l
}

// Observe queues the line of an observation. It does not wait.
func (l *Log) Observe(o httpapi.Observation) {
	select {
	case l.queue <- o:
	default:
		l.drop(1, errFull)
	}
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
		return fmt.Errorf("close access log: about %d lines could not be written in %v", len(l.queue), closeTimeout)
	}
}

// errFull: lines are observed faster than they are written.
var errFull = errors.New("too many lines wait for the disk")

func (l *Log) drop(lines int64, why error) {
	l.dropped.Add(lines)
	l.missing.Add(lines)
	l.outage.Failed(context.Background(), why)
}

func (l *Log) run() {
	defer close(l.stopped)
	for {
		select {
		case o := <-l.queue:
			l.write(o)
		case <-l.stop:
			for {
				select {
				case o := <-l.queue:
					l.write(o)
				default:
					return
				}
			}
		}
	}
}

// write writes a line, and those that wait behind it.
func (l *Log) write(o httpapi.Observation) {
	l.batch = l.batch[:0]
	missing := l.missing.Swap(0)
	if missing > 0 {
		l.batch = appendMissing(l.batch, missing)
	}
	lines := int64(0)
	for more := true; more; {
		l.batch = appendLine(l.batch, o)
		if lines++; len(l.batch) >= batchBytes {
			break
		}
		select {
		case o = <-l.queue:
		default:
			more = false
		}
	}
	if _, err := l.out.Write(l.batch); err != nil {
		l.missing.Add(missing)
		l.drop(lines, err)
		return
	}
	if missing == 0 {
		l.outage.Succeeded(context.Background())
	}
}
