package kafka

import (
	"errors"
	"fmt"

	wkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
)

// KeyMetadata names the metadata of a message that becomes its record's key. A
// message without it is not published.
const KeyMetadata = "key"

// NewPublisher returns a publisher of single messages: payload, key, and all
// metadata as headers. Publish returns once all brokers that should have the
// records have them.
func NewPublisher(cfg Config) (message.Publisher, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("configure publisher: %w", err)
	}
	p, err := wkafka.NewPublisher(wkafka.PublisherConfig{
		Brokers:               cfg.Brokers,
		Marshaler:             wkafka.NewWithPartitioningMarshaler(partitionKey),
		OverwriteSaramaConfig: cfg.producer(),
	}, newLogger(cfg.Logger, new(faults)))
	if err != nil {
		return nil, fmt.Errorf("connect publisher: %w", err)
	}
	return p, nil
}

func partitionKey(_ string, msg *message.Message) (string, error) {
	key := msg.Metadata.Get(KeyMetadata)
	if key == "" {
		return "", errors.New(`metadata "key" is missing`)
	}
	return key, nil
}
