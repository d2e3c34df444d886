// Package outage logs a failure that repeats twice: when it begins and when it ends.
// It owns the decision which of many failures is logged. It promises one line for
// each beginning and one for each end, in that order, and cannot fail itself.
package outage

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
)

// Log logs the outages of one thing. Its exported fields do not change after its first
// use; it is safe for concurrent use.
type Log struct {
	Logger *slog.Logger
	Level  slog.Level // of the line that an outage begins with; it ends at info
	// Began and Ended are the messages of the two lines.
	Began, Ended string
	Attrs        []slog.Attr // of both lines

	lasts atomic.Bool
}

// Failed logs err if it begins an outage.
func (l *Log) Failed(ctx context.Context, err error) {
	if !l.lasts.Swap(true) {
		l.Logger.LogAttrs(ctx, l.Level, l.Began, append(slices.Clip(l.Attrs), slog.Any("error", err))...)
	}
}

// Succeeded logs the end of an outage, if there is one.
func (l *Log) Succeeded(ctx context.Context) {
	if l.lasts.Swap(false) {
		l.Logger.LogAttrs(ctx, slog.LevelInfo, l.Ended, l.Attrs...)
	}
}
