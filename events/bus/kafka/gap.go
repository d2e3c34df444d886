package kafka

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/IBM/sarama"
)

// Gap is a difference between the offset at which a partition should go on and the one
// at which it does.
type Gap struct {
	Topic     string
	Partition int32
	Expected  int64 // the offset after the last record that was read
	Found     int64 // the offset of the next record
}

// Lost reports whether the records from Expected up to Found are gone: the brokers
// deleted them before they were read. Otherwise the partition starts again at a lower
// offset, as after its topic was deleted and created anew.
func (g Gap) Lost() bool { return g.Found > g.Expected }

// unknown is the expected offset of a partition that was never read.
const unknown int64 = -1

// expected returns the offset at which the partition should go on. Brokers drop a
// topic's committed offsets together with the topic; what this process acknowledged then
// stands in for them, although some of it may not have been committed.
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

// tracker compares a claim's offsets with the expected ones. sarama silently starts at
// the oldest record where a committed offset is out of range.
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
		cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "offsets were skipped or repeated, for an unknown reason", where...)
		return
	case !confirmed:
		return
	case gap.Lost():
		cfg.Logger.LogAttrs(ctx, slog.LevelError, "records were deleted before they were read", where...)
	default:
		cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "partition starts again at a lower offset", where...)
	}
	if cfg.OnGap != nil {
		cfg.OnGap(gap)
	}
}

// offsets reads offsets from the brokers.
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

// committed returns the group's committed offset of each partition that has one.
func (o *offsets) committed(group, topic string, partitions []int32) (map[int32]int64, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	admin, err := sarama.NewClusterAdminFromClient(o.client)
	if err != nil {
		return nil, fmt.Errorf("fetch committed offsets: %w", err)
	}
	response, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: partitions})
	if err != nil {
		return nil, fmt.Errorf("fetch committed offsets: %w", err)
	}
	committed := make(map[int32]int64, len(partitions))
	for _, p := range partitions {
		block := response.GetBlock(topic, p)
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

// confirm reports whether an apparent gap is one. Offsets without a record, such as the
// ends of transactions, are skipped in any partition, so records are lost only where the
// partition begins above Expected. Records that were read but not committed are read
// again, so the partition starts again only where it ends below Expected.
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
