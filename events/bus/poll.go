package bus

import (
	"context"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"jangbu/events"
	"jangbu/events/channels"
	"jangbu/events/outage"
)

// Poll configures polling.
type Poll struct {
	Pollers []*channels.Poller
	// Ticks delivers a message each time that a round is to begin.
	Ticks message.Subscriber
	// Term returns a context that ends with ctx and with this process's lease on
	// polling; false while another process has the lease.
	Term func(ctx context.Context) (context.Context, context.CancelFunc, bool)

	Publisher message.Publisher
	// Topic is the topic of ChannelStatsFetched.
	Topic string
	// KeyMetadata names the metadata from which Publisher takes the record's key.
	KeyMetadata string
}

// poll is the scheduled handler of one channel API.
type poll struct {
	Poll
	poller *channels.Poller
	outage *outage.Log
}

// handle polls every campaign that is due. It returns no error, because the next tick
// tries again.
func (h *poll) handle(msg *message.Message) error {
	ctx, cancel, ok := h.Term(msg.Context())
	if !ok {
		return nil
	}
	defer cancel()
	switch err := h.poller.Round(ctx, h.publish); {
	case ctx.Err() != nil: // the round was cut short
	case err != nil:
		h.outage.Failed(ctx, err)
	default:
		h.outage.Succeeded(ctx)
	}
	return nil
}

// publish implements [channels.Publish].
func (h *poll) publish(_ context.Context, reports []*events.ChannelStatsFetched) error {
	messages := make([]*message.Message, len(reports))
	for i, r := range reports {
		// The stored form of this type is valid under its contract.
		messages[i] = message.NewMessage(watermill.NewUUID(), events.AppendStored(nil, r))
		messages[i].Metadata.Set(h.KeyMetadata, string(r.Campaign))
	}
	return h.Publisher.Publish(h.Topic, messages...)
}
