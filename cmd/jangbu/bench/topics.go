package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"jangbu/cmd/jangbu/service"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/synthetic"
)

// span is the time that the registrations of the topics spread over. Brokers keep what is
// younger than a week, unless they are told otherwise.
const span = 3 * 24 * time.Hour

// topics are the topics of one measurement, which is alone in using them.
type topics struct {
	names    stores.TopicConfig
	client   kafka.Config
	traffic  synthetic.Config
	produced *kafka.Producer
	closers  []func(context.Context) error // in the order in which they were opened
	// events are in the topics, and so many of them are registrations.
	events, registrations int
}

// newTopics makes topics on the brokers of the command, or on a broker of its own with its
// files in dir.
func (c benchIngestCommand) newTopics(ctx context.Context, dir string, logger *slog.Logger) (_ *topics, err error) {
	scratch := "jangbu-bench-" + strings.ToLower(rand.Text())
	names := stores.DefaultTopics()
	for _, name := range []*string{&names.TopicEventCreated, &names.TopicParticipantRegistered, &names.TopicDistributionCompleted, &names.TopicChannelStatsFetched} {
		*name = scratch + "-" + *name
	}
	t := &topics{names: names, traffic: synthetic.Config{
		// Its end is in the past, with as many registrations again.
		Seed: 1, Campaigns: c.Campaigns, Start: time.Now().Add(-2 * span), Interval: span / time.Duration(c.Events), Topics: names.Topics(),
	}}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close(context.WithoutCancel(ctx)))
		}
	}()
	if len(c.KafkaBrokers) > 0 {
		t.client = c.Kafka(c.KafkaBrokers)
	} else {
		broker, err := embedded.Start(ctx, embedded.Config{Listen: "127.0.0.1:0", DataDir: filepath.Join(dir, "broker"), Logger: logger})
		if err != nil {
			return nil, err
		}
		t.closers = append(t.closers, func(context.Context) error { broker.Close(); return nil })
		t.client = kafka.Config{Brokers: []string{broker.Addr()}}
	}
	t.client.Group, t.client.Logger = scratch, logger
	t.closers = append(t.closers, func(ctx context.Context) error { return kafka.Remove(ctx, t.client, names.TopicNames()...) })
	if err := kafka.EnsureTopics(ctx, t.client, service.Partitions, names.TopicNames()...); err != nil {
		return nil, err
	}
	if t.produced, err = kafka.NewProducer(t.client); err != nil {
		return nil, err
	}
	t.closers = append(t.closers, func(context.Context) error { return t.produced.Close() })
	return t, nil
}

// after returns the traffic after the first n registrations. It is made anew where it is needed:
// of 100,000 campaigns it takes as much memory as a service.
func (t *topics) after(n int) (*synthetic.Generator, error) {
	g, err := synthetic.New(t.traffic)
	if err != nil {
		return nil, fmt.Errorf("make traffic: %w", err)
	}
	for range n {
		g.Next()
	}
	return g, nil
}

// fill produces every campaign and n registrations.
func (t *topics) fill(ctx context.Context, n int, tell func(produced int)) error {
	const batch = 20_000
	g, err := t.after(0)
	if err != nil {
		return err
	}
	records := slices.Clone(g.Campaigns())
	for t.events, t.registrations = len(records)+n, n; ; {
		if err := t.produced.Produce(ctx, records); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		records = records[:0]
		for range min(batch, n) {
			records = append(records, g.Next())
		}
		n -= len(records)
		tell(t.events - n)
	}
}

// first returns the first n registrations of the topics.
func (t *topics) first(n int) ([]events.Record, error) {
	g, err := t.after(0)
	if err != nil {
		return nil, err
	}
	records := make([]events.Record, n)
	for i := range records {
		records[i] = g.Next()
	}
	return records, nil
}

// close deletes the topics.
func (t *topics) close(ctx context.Context) error {
	var all []error
	for _, closer := range slices.Backward(t.closers) {
		all = append(all, closer(ctx))
	}
	t.closers = nil
	return errors.Join(all...)
}
