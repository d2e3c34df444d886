package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/IBM/sarama"

	"jangbu/events"
)

// passTail writes to the log that a source was read beyond the ends of transactions and
// the aborted records that follow position, and returns the offset behind them. No frame
// carries these, so that without it retention would pass them like records that were not
// read. It does nothing while a frame of the partition is being written.
func (h *handler) passTail(ctx context.Context, partition int32, position int64) int64 {
	next, err := h.writeTail(ctx, partition, position)
	if err != nil && ctx.Err() == nil { // tried again
		h.sub.cfg.Logger.DebugContext(ctx, "kafka: end of partition not written", slog.Int("partition", int(partition)), slog.Any("error", err))
	}
	return next
}

func (h *handler) writeTail(ctx context.Context, partition int32, position int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, beginTimeout)
	defer cancel()
	source := events.Source{Topic: h.sub.topic, TopicID: h.topicID, Partition: partition}
	states, err := h.sub.cfg.Log.Sources().List(ctx)
	if err != nil {
		return position, err
	}
	for _, s := range states {
		if s.Source != source || s.Next != position {
			continue
		}
		next, err := tail(h.client, source.Topic, partition, position)
		if err != nil || next == position {
			return position, err
		}
		if _, err := h.sub.cfg.Log.Append(ctx, nil, events.Reading{Source: source, First: position, Next: next}); err != nil {
			return position, err
		}
		return next, nil
	}
	return position, nil
}

// tail returns the offset of the first record from position on that a read_committed
// consumer gets; where there is none in the next fetch, the offset behind that.
func tail(client sarama.Client, topic string, partition int32, position int64) (int64, error) {
	broker, err := client.Leader(topic, partition)
	if err != nil {
		return position, fmt.Errorf("find leader: %w", err)
	}
	request := &sarama.FetchRequest{Version: 11, MaxBytes: fetchBytes, Isolation: sarama.ReadCommitted, SessionEpoch: -1} // no session
	request.AddBlock(topic, partition, position, fetchBytes, -1)
	response, err := broker.Fetch(request)
	if err != nil {
		return position, fmt.Errorf("fetch: %w", err)
	}
	block := response.GetBlock(topic, partition)
	if block == nil {
		return position, sarama.ErrIncompleteResponse
	}
	if !errors.Is(block.Err, sarama.ErrNoError) {
		return position, fmt.Errorf("fetch: %w", block.Err)
	}
	aborted := make(map[int64]bool) // producers within a transaction that they aborted
	began := slices.SortedFunc(slices.Values(block.AbortedTransactions), func(a, b *sarama.AbortedTransaction) int {
		return cmp.Compare(a.FirstOffset, b.FirstOffset)
	})
	for _, records := range block.RecordsSet {
		batch := records.RecordBatch
		if batch == nil || batch.PartialTrailingRecord {
			break
		}
		last := batch.LastOffset()
		for ; len(began) > 0 && began[0].FirstOffset <= last; began = began[1:] {
			aborted[began[0].ProducerID] = true
		}
		switch {
		case batch.Control:
			delete(aborted, batch.ProducerID)
		case batch.IsTransactional && aborted[batch.ProducerID]:
		case last >= position:
			return position, nil
		}
		position = max(position, last+1)
	}
	return position, nil
}
