package bus_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jangbu/events"
	"jangbu/events/bus"
)

// logged returns a logger and what it has logged since the last call, without times.
func logged() (*slog.Logger, func() []string) {
	var buf bytes.Buffer
	handler := slog.NewTextHandler(&buf, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return slog.New(handler), func() []string {
		defer buf.Reset()
		return strings.FieldsFunc(buf.String(), func(r rune) bool { return r == '\n' })
	}
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestTroubleIsToldTwice(t *testing.T) {
	t.Parallel()
	const (
		began = `level=ERROR msg="ingest: frames cannot be written: trying again until they can" error="database is away"`
		ended = `level=INFO msg="ingest: frames are written again"`
	)
	down := errors.New("database is away")
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		logger, lines := logged()
		tr := bus.NewTrouble(logger)
		tr.Note(ctx, 0, nil)
		wantLines(t, lines())
		tr.Note(ctx, 0, down)
		wantLines(t, lines(), began)
		for range 20 { // one partition's failure does not end with another's success
			time.Sleep(5 * time.Second)
			tr.Note(ctx, 0, down)
			tr.Note(ctx, 1, down)
			tr.Note(ctx, 2, nil)
		}
		tr.Note(ctx, 0, nil)
		wantLines(t, lines())
		tr.Note(ctx, 1, nil)
		wantLines(t, lines(), ended)

		// Another process took the partition that failed.
		tr.Note(ctx, 3, down)
		time.Sleep(2 * time.Minute)
		tr.Note(ctx, 0, nil)
		wantLines(t, lines(), began, ended)

		closing, cancel := context.WithCancel(ctx)
		cancel()
		tr.Note(closing, 0, closing.Err())
		wantLines(t, lines())
	})
}

func TestBurialsAreToldOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		logger, lines := logged()
		b := bus.NewBurials(logger)
		bury := func(offset int64, reasons ...events.Reason) {
			frame := &events.Frame{Partition: 4}
			for i := range reasons {
				frame.Records = append(frame.Records, events.Record{Offset: offset + int64(i)})
			}
			b.Tell(ctx, frame, reasons, "why")
		}
		const malformed, conflict = events.ReasonMalformed, events.ReasonConflict
		bury(10, malformed, conflict, malformed)
		wantLines(t, lines(),
			`level=WARN msg="ingest: records became dead letters" reason=malformed count=2 partition=4 offset=10 detail=why`,
			`level=WARN msg="ingest: records became dead letters" reason=conflict count=1 partition=4 offset=11 detail=why`)
		for i := range int64(50) {
			time.Sleep(time.Second)
			bury(20+i, malformed)
		}
		wantLines(t, lines())
		time.Sleep(10 * time.Second)
		bury(80, malformed)
		wantLines(t, lines(),
			`level=WARN msg="ingest: records became dead letters" reason=malformed count=51 partition=4 offset=80 detail=why`)
	})
}
