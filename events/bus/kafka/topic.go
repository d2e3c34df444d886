package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"jangbu/events"
)

// Topic is a topic as the brokers have it.
type Topic struct {
	ID         events.TopicID // zero where the brokers give none
	Partitions map[int32]Bounds
}

// Bounds are the offsets of a partition's first record and of the next one that is
// produced to it.
type Bounds struct{ Start, End int64 }

// Describe returns the topics that exist of those named. A deadline of ctx bounds it.
func Describe(ctx context.Context, cfg Config, topics ...string) (map[string]Topic, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	sc, err := cfg.client()
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := max(time.Until(deadline), time.Millisecond)
		sc.Metadata.Timeout, sc.Net.DialTimeout, sc.Net.ReadTimeout = left, left, left
	}
	client, err := sarama.NewClient(cfg.Brokers, sc)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	defer func() { _ = client.Close() }() // nothing is pending
	all := make(map[string]Topic, len(topics))
	for _, name := range topics {
		t, err := describe(client, name)
		if errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("describe topic %q: %w", name, err)
		}
		all[name] = t
	}
	return all, nil
}

// describe returns a topic's ID and bounds, which belong together: of all partitions, or of those
// given.
func describe(client sarama.Client, name string, only ...int32) (Topic, error) {
	id, partitions, err := identify(client, name)
	if err != nil {
		return Topic{}, err
	}
	for _, p := range only {
		if !slices.Contains(partitions, p) {
			return Topic{}, fmt.Errorf("partition %d: %w", p, sarama.ErrUnknownTopicOrPartition)
		}
	}
	if len(only) > 0 {
		partitions = only
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return Topic{}, err
	}
	list := func(which int64) (map[int32]*sarama.OffsetResult, error) {
		ask := make(map[int32]int64, len(partitions))
		for _, p := range partitions {
			ask[p] = which
		}
		offsets, err := admin.ListOffsets(map[string]map[int32]int64{name: ask}, nil)
		if err != nil {
			return nil, err
		}
		for _, p := range partitions {
			if of := offsets[name][p]; of == nil {
				return nil, fmt.Errorf("partition %d: %w", p, sarama.ErrIncompleteResponse)
			} else if of.Err != nil && !errors.Is(of.Err, sarama.ErrNoError) {
				return nil, fmt.Errorf("partition %d: %w", p, of.Err)
			}
		}
		return offsets[name], nil
	}
	starts, err := list(sarama.OffsetOldest)
	if err != nil {
		return Topic{}, fmt.Errorf("list first offsets: %w", err)
	}
	ends, err := list(sarama.OffsetNewest)
	if err != nil {
		return Topic{}, fmt.Errorf("list last offsets: %w", err)
	}
	if again, _, err := identify(client, name); err != nil || again != id {
		return Topic{}, errors.Join(errors.New("topic was made anew meanwhile"), err)
	}
	t := Topic{ID: id, Partitions: make(map[int32]Bounds, len(partitions))}
	for _, p := range partitions {
		t.Partitions[p] = Bounds{Start: starts[p].Offset, End: ends[p].Offset}
	}
	return t, nil
}

// identify returns a topic's ID and partitions. sarama's own metadata hides the ID. Each broker is
// asked, and the first answer counts: one that is away or frozen holds up none.
func identify(client sarama.Client, name string) (events.TopicID, []int32, error) {
	brokers := client.Brokers()
	if len(brokers) == 0 { // none was there when the client was made
		return events.TopicID{}, nil, sarama.ErrOutOfBrokers
	}
	type answer struct {
		response *sarama.MetadataResponse
		err      error
	}
	answers := make(chan answer, len(brokers))
	for _, broker := range brokers {
		_ = broker.Open(client.Config()) // it is open, or its next request tells
		go func() {
			response, err := broker.GetMetadata(sarama.NewMetadataRequest(client.Config().Version, []string{name}))
			if err != nil {
				_ = broker.Close() // so that it is opened anew
			}
			answers <- answer{response, err}
		}()
	}
	var failed error
	for range brokers {
		got := <-answers
		if got.err != nil {
			failed = got.err
			continue
		}
		return identityOf(got.response, name)
	}
	return events.TopicID{}, nil, fmt.Errorf("get metadata: %w", failed)
}

func identityOf(response *sarama.MetadataResponse, name string) (events.TopicID, []int32, error) {
	for _, t := range response.Topics {
		if t.Name != name {
			continue
		}
		if !errors.Is(t.Err, sarama.ErrNoError) {
			return events.TopicID{}, nil, fmt.Errorf("get metadata: %w", t.Err)
		}
		partitions := make([]int32, len(t.Partitions))
		for i, p := range t.Partitions {
			partitions[i] = p.ID
		}
		return events.TopicID(t.Uuid), partitions, nil
	}
	return events.TopicID{}, nil, fmt.Errorf("get metadata: %w", sarama.ErrUnknownTopicOrPartition)
}
