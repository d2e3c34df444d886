package kafka

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/IBM/sarama"
)

// Gap says that a partition did not go on where its reader had stopped.
type Gap struct {
	Topic     string
	Partition int32
	Expected  int64 // the offset to go on from
	Found     int64 // that of the record that came
}

// Lost reports whether the records from Expected up to Found are gone: the
// brokers deleted them before they were read. Otherwise the partition starts
// again below, as after its topic was deleted and created anew.
func (g Gap) Lost() bool { return g.Found > g.Expected }

// unknown: there is nothing to compare a first record with.
const unknown int64 = -1

// expected returns the offset that the partition should go on from. Brokers drop
// a topic's committed offsets together with the topic; then what this process
// knows itself is all there is, and of that some may not have been committed.
func (s *subscription) expected(partition int32) (offset int64, committed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if offset, ok := s.committed[partition]; ok {
		return offset, true
	}
	if offset, ok := s.acked[partition]; ok {
		return offset, false
	}
	return unknown, false
}

// tracker compares a claim's offsets with those that were expected. sarama
// itself silently starts at the oldest record where a committed offset is out
// of range.
type tracker struct {
	handler   *handler
	sess      sarama.ConsumerGroupSession
	expected  int64
	committed bool // whether expected is a committed offset
}

func (t *tracker) see(m *sarama.ConsumerMessage) {
	gap := Gap{Topic: m.Topic, Partition: m.Partition, Expected: t.expected, Found: m.Offset}
	committed := t.committed
	t.expected, t.committed = m.Offset+1, false
	if gap.Expected == unknown || gap.Expected == gap.Found {
		return
	}
	ctx, cfg := t.sess.Context(), t.handler.sub.cfg
	where := []slog.Attr{
		slog.String("topic", gap.Topic), slog.Int("partition", int(gap.Partition)),
		slog.Int64("expected", gap.Expected), slog.Int64("found", gap.Found),
	}
	confirmed, err := t.handler.offsets.confirm(gap, committed)
	switch {
	case err != nil:
		where = append(where, slog.String("error", err.Error()))
		cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "offsets were skipped or repeated; cannot tell why", where...)
		return
	case !confirmed:
		return
	case gap.Lost():
		cfg.Logger.LogAttrs(ctx, slog.LevelError, "records were deleted before they were read", where...)
	default:
		cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "partition starts again below what was read", where...)
	}
	if cfg.OnGap != nil {
		cfg.OnGap(gap)
	}
}

// offsets asks the brokers about offsets.
type offsets struct{ client sarama.Client }

func openOffsets(cfg Config) (*offsets, error) {
	client, err := sarama.NewClient(cfg.Brokers, cfg.client())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &offsets{client}, nil
}

func (o *offsets) close() {
	if o != nil {
		_ = o.client.Close() // nothing is pending
	}
}

// committed returns the group's offsets of those partitions that have one.
func (o *offsets) committed(group, topic string, partitions []int32) (map[int32]int64, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	admin, err := sarama.NewClusterAdminFromClient(o.client)
	if err != nil {
		return nil, fmt.Errorf("fetch committed offsets: %w", err)
	}
	answer, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: partitions})
	if err != nil {
		return nil, fmt.Errorf("fetch committed offsets: %w", err)
	}
	committed := make(map[int32]int64, len(partitions))
	for _, p := range partitions {
		block := answer.GetBlock(topic, p)
		if block == nil {
			continue
		}
		if !errors.Is(block.Err, sarama.ErrNoError) {
			return nil, fmt.Errorf("fetch committed offset of %s/%d: %w", topic, p, block.Err)
		}
		if block.Offset >= 0 {
			committed[p] = block.Offset
		}
	}
	return committed, nil
}

// confirm reports whether what looks like a gap is one. Offsets that hold no
// record, such as the ends of transactions, are skipped in any log: records are
// gone only before its beginning. And what was read but not committed is read
// again: only where the log ends below that it is another log.
func (o *offsets) confirm(g Gap, committed bool) (bool, error) {
	if !g.Lost() && committed {
		return true, nil
	}
	which := sarama.OffsetOldest
	if !g.Lost() {
		which = sarama.OffsetNewest
	}
	offset, err := o.client.GetOffset(g.Topic, g.Partition, which)
	if err != nil {
		return false, fmt.Errorf("fetch bounds of partition: %w", err)
	}
	if g.Lost() {
		return offset > g.Expected, nil
	}
	return offset < g.Expected, nil
}
