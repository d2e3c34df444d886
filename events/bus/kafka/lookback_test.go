package kafka_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"jangbu/events"
)

// pausedLog is a log that, once asked, is slow to say how far its sources were read: what it
// says is of before it was asked to go on.
type pausedLog struct {
	events.Log
	asked chan chan struct{} // receives a channel for each look, which ends when that is closed
}

func (l pausedLog) Sources() events.Sources { return pausedSources{l.Log.Sources(), l.asked} }

type pausedSources struct {
	events.Sources
	asked chan chan struct{}
}

func (s pausedSources) List(ctx context.Context) ([]events.SourceState, error) {
	all, err := s.Sources.List(ctx)
	goOn := make(chan struct{})
	select {
	case s.asked <- goOn:
		select {
		case <-goOn:
		case <-ctx.Done():
		}
	default: // the test does not look
	}
	return all, err
}

// TestWhatIsWrittenMeanwhileIsNoLogThatWentBack: a frame is written while the session reads
// how far the log is, which is then less than what the session has written.
func TestWhatIsWrittenMeanwhileIsNoLogThatWentBack(t *testing.T) {
	t.Parallel()
	b := setup(t, 1)
	var said bytes.Buffer
	b.cfg.Logger = slog.New(slog.NewTextHandler(&said, nil))
	asked := make(chan chan struct{})
	b.cfg.Log = pausedLog{b.log, asked}
	b.produce(t, "r", 1)
	frames, closeIt := b.subscribe(t)
	take := func() {
		t.Helper()
		msg, f := receive(t, frames)
		b.read(t, msg, f)
	}
	take()
	select {
	case goOn := <-asked:
		b.produce(t, "meanwhile", 1)
		take()
		b.produce(t, "next", 1) // is delivered once the session knows that what is before it was written
		msg, f := receive(t, frames)
		close(goOn)
		b.read(t, msg, f)
	case <-time.After(patience):
		t.Fatal("the session does not look how far the log is")
	}
	select {
	case goOn := <-asked: // it goes on
		close(goOn)
	case <-time.After(patience):
		t.Fatal("the session has ended")
	}
	closeIt()
	if bytes.Contains(said.Bytes(), []byte("went back")) {
		t.Errorf("it was said that the log went back:\n%s", &said)
	}
	b.wantSource(t, 3, 0, 0)
}
