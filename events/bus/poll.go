package bus

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"jangbu/events"
	"jangbu/events/channels"
)

// Poll says whom to poll, when, and where to publish what they say.
type Poll struct {
	Pollers []*channels.Poller
	// Ticks tells when to look who is due.
	Ticks message.Subscriber
	// Term returns the context of this process's term as the one that polls,
	// which ends with ctx too; false while another process does.
	Term func(ctx context.Context) (context.Context, context.CancelFunc, bool)

	Publisher message.Publisher
	// Topic is that of ChannelStatsFetched.
	Topic string
	// KeyMetadata names the metadata that Publisher makes the record's key of.
	KeyMetadata string
}

// poll is the scheduled handler of one channel API.
type poll struct {
	Poll
	poller *channels.Poller
	logger *slog.Logger
	// failing keeps one outage from being told every second.
	failing atomic.Bool
}

// handle lets everybody have their turn who is due. It never asks for the tick
// to come again: the next one comes anyhow.
func (h *poll) handle(msg *message.Message) error {
	ctx, cancel, ok := h.Term(msg.Context())
	if !ok {
		return nil
	}
	defer cancel()
	err := h.poller.Round(ctx, h.publish)
	switch {
	case ctx.Err() != nil: // given up, for whatever reason
	case err == nil:
		if h.failing.Swap(false) {
			h.logger.InfoContext(ctx, "poll: goes on", slog.String("api", h.poller.Name()))
		}
	case !h.failing.Swap(true):
		h.logger.ErrorContext(ctx, "poll: trying again at every tick", slog.String("api", h.poller.Name()), slog.Any("error", err))
	}
	return nil
}

// publish implements [channels.Publish].
func (h *poll) publish(_ context.Context, reports []*events.ChannelStatsFetched) error {
	messages := make([]*message.Message, len(reports))
	for i, r := range reports {
		// What the log stores of this type is its contract's form.
		messages[i] = message.NewMessage(watermill.NewUUID(), events.AppendStored(nil, r))
		messages[i].Metadata.Set(h.KeyMetadata, string(r.Campaign))
	}
	return h.Publisher.Publish(h.Topic, messages...)
}
