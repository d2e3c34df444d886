package bus_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/events/bus"
)

// TestDecodersAreBounded: a frame is decoded while a decoder is free, which is free again afterwards, and
// waits otherwise, for no longer than its handler lasts.
func TestDecodersAreBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		busy, decoders int
		err            error
	}{{0, 1, nil}, {1, 2, nil}, {1, 1, context.DeadlineExceeded}, {3, 3, context.DeadlineExceeded}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			frame := &events.Frame{Records: []events.Record{{Value: []byte(registration("p-1", "010-1234-5678"))}}}
			if err := bus.Decode(ctx, c.busy, c.decoders, frame, frame); !errors.Is(err, c.err) {
				t.Errorf("%d of %d decoders are busy: %v, want %v", c.busy, c.decoders, err, c.err)
			}
		})
	}
}
