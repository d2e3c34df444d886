package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"

	"jangbu/events"
)

// gap is why a source cannot go on where the log ends with it.
type gap string

// The gaps. Each is the line that is logged.
const (
	madeAnew gap = "topic was deleted and made anew: reading the new one from its beginning"
	expired  gap = "records were deleted from the topic before they were read: going on with the first one that is left"
	cutOff   gap = "brokers lost the end of a partition: reading it again from its beginning"
)

// resume returns the offset at which a source goes on that the log has read up to state,
// and how many records it passes over at most. Without a gap these are state.Next and 0.
//
// Where a partition ends before what was read of it, it cannot be told which of its records
// are those that were read. All are read again: what the log holds are duplicates (I4).
func resume(state events.SourceState, id events.TopicID, has Bounds) (next, lost int64, why gap) {
	var none events.TopicID
	switch {
	case state.TopicID != id && state.TopicID != none && id != none:
		return has.Start, has.Start, madeAnew
	case state.Next < has.Start:
		return has.Start, has.Start - state.Next, expired
	case state.Next > has.End:
		return has.Start, 0, cutOff
	}
	return state.Next, 0, ""
}

// begin has the session read each of its partitions from where the log ends with it, back
// or ahead of what the group committed (I1), and records gaps. A partition that the log
// has not read begins with its first record.
func (h *handler) begin(sess sarama.ConsumerGroupSession) error {
	ctx, cancel := context.WithTimeout(sess.Context(), beginTimeout)
	defer cancel()
	name, cfg := h.sub.topic, h.sub.cfg
	topic, err := describe(h.client, name)
	if err != nil {
		return fmt.Errorf("describe topic: %w", err)
	}
	states, err := cfg.Log.Sources().List(ctx)
	if err != nil {
		return err
	}
	read := make(map[int32]events.SourceState)
	for _, state := range states {
		if state.Topic == name {
			read[state.Partition] = state
		}
	}
	var first []events.Reading // of the partitions that the log does not know
	for _, p := range sess.Claims()[name] {
		has, ok := topic.Partitions[p]
		if !ok {
			return fmt.Errorf("partition %d: %w", p, sarama.ErrUnknownTopicOrPartition)
		}
		source := events.Source{Topic: name, TopicID: topic.ID, Partition: p}
		next := has.Start
		if state, ok := read[p]; !ok {
			first = append(first, events.Reading{Source: source, Next: next})
		} else {
			var lost int64
			var why gap
			if next, lost, why = resume(state, topic.ID, has); why != "" {
				if err := cfg.Log.Sources().Skip(ctx, source, next, lost); err != nil {
					return err
				}
				cfg.Logger.LogAttrs(ctx, slog.LevelError, string(why), slog.String("topic", name), slog.Int("partition", int(p)),
					slog.Int64("read_to", state.Next), slog.Int64("goes_on_at", next), slog.Int64("lost_at_most", lost))
			}
		}
		// One of the two moves back only, the other ahead only.
		sess.ResetOffset(name, p, next, "")
		sess.MarkOffset(name, p, next, "")
	}
	if len(first) > 0 {
		if _, err := cfg.Log.Append(ctx, nil, first...); err != nil {
			return err
		}
	}
	h.topicID = topic.ID
	h.watching.Go(func() { h.watch(h.ending, topic) })
	return nil
}

// watch ends the session when the topic has another ID or another number of partitions than
// described, or when the log went back behind what the session has written to it. A topic
// that was made anew answers fetches as if it were the old one wherever it has the offset,
// and a log that went back refuses appends with [events.ErrBehind].
func (h *handler) watch(session context.Context, described Topic) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-session.Done():
			return
		}
		id, partitions, err := identify(h.client, h.sub.topic)
		if err == nil && (id != described.ID || len(partitions) != len(described.Partitions)) {
			h.end()
			return
		} // where an error lasts, fetches fail too
		if err := h.lookBack(session, described.ID); errors.Is(err, events.ErrBehind) {
			h.sub.cfg.Logger.ErrorContext(session, "the log went back, or is another one: reading again from where it ends",
				slog.String("topic", h.sub.topic), slog.Any("error", err))
			h.end()
			return
		}
	}
}

// lookBack compares what the log knows with what the session has written to it.
func (h *handler) lookBack(ctx context.Context, id events.TopicID) error {
	ctx, cancel := context.WithTimeout(ctx, watchInterval)
	defer cancel()
	written := h.session.wroteUpTo() // before the log is read, which may then know of more
	states, err := h.sub.cfg.Log.Sources().List(ctx)
	if err != nil {
		return err // appends fail too
	}
	for partition, next := range written {
		var state events.SourceState
		for _, known := range states {
			if known.Topic == h.sub.topic && known.Partition == partition {
				state = known
			}
		}
		source := events.Source{Topic: h.sub.topic, TopicID: id, Partition: partition}
		if err := state.Behind(events.Reading{Source: source, First: next}); err != nil {
			return err
		}
	}
	return nil
}
