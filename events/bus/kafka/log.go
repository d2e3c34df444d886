package kafka

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
)

// logger adapts a slog.Logger to Watermill. It logs new errors at error level and the
// rest at debug and below.
type logger struct {
	watermill.LoggerAdapter
	faults *faults
}

func newLogger(log *slog.Logger, f *faults) logger {
	return logger{
		LoggerAdapter: watermill.NewSlogLoggerWithLevelMapping(log, map[slog.Level]slog.Level{
			slog.LevelInfo:       slog.LevelDebug,
			slog.LevelDebug:      watermill.LevelTrace,
			watermill.LevelTrace: watermill.LevelTrace - 4,
		}),
		faults: f,
	}
}

// Error implements [watermill.LoggerAdapter].
func (l logger) Error(msg string, err error, fields watermill.LogFields) {
	// A cancelled context is no fault, and the next session tells of a gap.
	quiet := errors.Is(err, context.Canceled) || errors.Is(err, sarama.ErrOffsetOutOfRange)
	if !quiet && l.faults.isNew(msg, err) {
		l.LoggerAdapter.Error(msg, err, fields)
		return
	}
	l.Debug(msg, fields.Add(watermill.LogFields{"error": err.Error()}))
}

// With implements [watermill.LoggerAdapter].
func (l logger) With(fields watermill.LogFields) watermill.LoggerAdapter {
	return logger{LoggerAdapter: l.LoggerAdapter.With(fields), faults: l.faults}
}

// faults remembers the errors that were logged since the last success. It is no
// [jangbu/events/outage.Log], because an outage of brokers has many different errors,
// and no cache that evicts: beyond maxFaults, further errors must not be logged.
type faults struct {
	mu     sync.Mutex
	logged map[string]time.Time // guarded by mu
}

const (
	// repeatAfter is how long an error is not logged again.
	repeatAfter = time.Minute
	// maxFaults bounds the errors that are logged in one outage.
	maxFaults = 32
)

// isNew reports whether to log err, and notes that it was logged.
func (f *faults) isNew(msg string, err error) bool {
	if perPartition, ok := errors.AsType[*sarama.ConsumerError](err); ok {
		err = perPartition.Err
	}
	what := msg + ": " + err.Error()
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		what = msg + ": " + op.Op + op.Err.Error() // without the local port, which differs each time
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if at, ok := f.logged[what]; ok && time.Since(at) < repeatAfter || !ok && len(f.logged) >= maxFaults {
		return false
	}
	if f.logged == nil {
		f.logged = make(map[string]time.Time)
	}
	f.logged[what] = time.Now()
	return true
}

// clear forgets all errors and reports whether there were any.
func (f *faults) clear() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	had := len(f.logged) > 0
	clear(f.logged)
	return had
}
