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

// logger is Watermill's view of a slog.Logger: errors as long as they are new,
// the rest at debug and below.
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
	// What ends because it is to end is no fault.
	if !errors.Is(err, context.Canceled) && l.faults.isNew(msg, err) {
		l.LoggerAdapter.Error(msg, err, fields)
		return
	}
	l.Debug(msg, fields.Add(watermill.LogFields{"error": err.Error()}))
}

// With implements [watermill.LoggerAdapter].
func (l logger) With(fields watermill.LogFields) watermill.LoggerAdapter {
	return logger{LoggerAdapter: l.LoggerAdapter.With(fields), faults: l.faults}
}

// faults remembers what has been complained about since things last went well.
type faults struct {
	mu   sync.Mutex
	told map[string]time.Time
}

const (
	// tellAgain is how long an error is not repeated.
	tellAgain = time.Minute
	// maxFaults bounds the memory of faults; what comes beyond is not new.
	maxFaults = 32
)

func (f *faults) isNew(msg string, err error) bool {
	if perPartition, ok := errors.AsType[*sarama.ConsumerError](err); ok {
		err = perPartition.Err
	}
	what := msg + ": " + err.Error()
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		what = msg + ": " + op.Op + op.Err.Error() // without the port, which changes every time
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if at, ok := f.told[what]; ok && time.Since(at) < tellAgain || !ok && len(f.told) >= maxFaults {
		return false
	}
	if f.told == nil {
		f.told = make(map[string]time.Time)
	}
	f.told[what] = time.Now()
	return true
}

// clear forgets everything and reports whether there was something.
func (f *faults) clear() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	had := len(f.told) > 0
	clear(f.told)
	return had
}
