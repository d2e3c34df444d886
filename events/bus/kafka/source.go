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

// errMadeAnew says that the session is of a former topic.
var errMadeAnew = errors.New("the topic was made anew")

// begin returns from where a partition is to be read, where the log ends with it, whatever the
// group committed (I1), and records gaps. A partition that the log has not read begins with its
// first record.
func (h *handler) begin(ctx context.Context, partition int32) (next int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, beginTimeout)
	defer cancel()
	name, cfg := h.sub.topic, h.sub.cfg
	// The log first: another member may be writing what the brokers have by then.
	read, err := h.read(ctx)
	if err != nil {
		return 0, err
	}
	topic, err := describe(h.client, name, partition)
	if err != nil {
		_ = h.client.RefreshMetadata(name) // another broker may lead the partition by now
		return 0, fmt.Errorf("describe topic: %w", err)
	}
	if topic.ID != h.topicID {
		return 0, errMadeAnew
	}
	has := topic.Partitions[partition]
	source := events.Source{Topic: name, TopicID: topic.ID, Partition: partition}
	if state, ok := read[partition]; !ok {
		next = has.Start
		if _, err := cfg.Log.Append(ctx, nil, events.Reading{Source: source, Next: next}); err != nil {
			return 0, err
		}
	} else {
		var lost int64
		var why gap
		if next, lost, why = resume(state, topic.ID, has); why != "" {
			if err := cfg.Log.Sources().Skip(ctx, source, next, lost); err != nil {
				return 0, err
			}
			cfg.Logger.LogAttrs(ctx, slog.LevelError, string(why), slog.String("topic", name), slog.Int("partition", int(partition)),
				slog.Int64("read_to", state.Next), slog.Int64("goes_on_at", next), slog.Int64("lost_at_most", lost))
		}
	}
	// The group's offset. One of the two moves back only, the other ahead only.
	h.session.ResetOffset(name, partition, next, "")
	h.session.MarkOffset(name, partition, next, "")
	return next, nil
}

// read returns what the log knows of the topic's partitions.
func (h *handler) read(ctx context.Context) (map[int32]events.SourceState, error) {
	states, err := h.sub.cfg.Log.Sources().List(ctx)
	if err != nil {
		return nil, err
	}
	read := make(map[int32]events.SourceState)
	for _, state := range states {
		if state.Topic == h.sub.topic {
			read[state.Partition] = state
		}
	}
	return read, nil
}

// watch ends the session when the topic is another one than in Setup, or has a partition that the
// group gives to no member, or when the log went back behind what the session has written to it.
// A topic that was made anew answers fetches as if it were the old one wherever it has the
// offset, and a log that went back refuses appends with [events.ErrBehind].
func (h *handler) watch(partitions int) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	stranded := false
	for {
		select {
		case <-ticker.C:
		case <-h.ending.Done():
			return
		}
		var ends bool
		if partitions, ends = h.look(partitions); ends {
			h.end()
			return
		}
		before := stranded
		if stranded = h.stranded(partitions); stranded && before {
			h.sub.cfg.Logger.WarnContext(h.ending, "the group gives a partition to no member: joining it again", slog.String("topic", h.sub.topic))
			if h.session.holdsNone() { // sarama's session ends with a claim, of which it has none
				h.sub.leave()
			}
			h.end()
			return
		}
	}
}

// stranded reports whether the group gives one of the topic's partitions to no member. It does so
// for a moment while partitions move; and for good where the member that was to let one go is
// killed in that moment and comes back by its name, which the group takes for the same member.
func (h *handler) stranded(partitions int) bool {
	group := h.sub.cfg.group(h.sub.topic)
	admin, err := sarama.NewClusterAdminFromClient(h.client)
	if err != nil {
		return false
	}
	groups, err := admin.DescribeConsumerGroups([]string{group})
	if err != nil || len(groups) != 1 || groups[0].State != "Stable" {
		return false
	}
	given := make(map[int32]bool)
	for _, member := range groups[0].Members {
		assignment, err := member.GetMemberAssignment()
		if err != nil || assignment == nil {
			return false
		}
		for _, p := range assignment.Topics[h.sub.topic] {
			given[p] = true
		}
	}
	return len(given) < partitions
}

// look returns how many partitions the topic has, and whether the session must end. Where an error
// lasts, fetches and appends fail too.
func (h *handler) look(before int) (partitions int, ends bool) {
	ctx, cancel := context.WithTimeout(h.ending, watchInterval)
	defer cancel()
	partitions = before
	if id, has, err := identify(h.client, h.sub.topic); err == nil {
		if partitions = len(has); id != h.topicID || partitions < before {
			return partitions, true
		}
	}
	written := h.session.wroteUpTo() // before the log is read, which may then know of more
	read, err := h.read(ctx)
	if err != nil {
		return partitions, false
	}
	for partition, next := range written {
		source := events.Source{Topic: h.sub.topic, TopicID: h.topicID, Partition: partition}
		if err := read[partition].Behind(events.Reading{Source: source, First: next}); errors.Is(err, events.ErrBehind) {
			h.sub.cfg.Logger.ErrorContext(ctx, "the log went back, or is another one: reading again from where it ends",
				slog.String("topic", h.sub.topic), slog.Any("error", err))
			return partitions, true
		}
	}
	return partitions, false
}
