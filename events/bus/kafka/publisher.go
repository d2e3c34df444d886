package kafka

import (
	"errors"
	"fmt"

	wkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
)

// KeyMetadata names the metadata of a message that becomes its record's key. Publishing a
// message without it is an error.
const KeyMetadata = "key"

// NewPublisher returns a publisher of single messages. A record has the message's payload
// as value and all its metadata as headers. Publish returns once all in-sync replicas
// have the records.
func NewPublisher(cfg Config) (message.Publisher, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("configure publisher: %w", err)
	}
	settings, err := cfg.producer()
	if err != nil {
		return nil, fmt.Errorf("connect publisher: %w", err)
	}
	p, err := wkafka.NewPublisher(wkafka.PublisherConfig{
		Brokers:               cfg.Brokers,
		Marshaler:             wkafka.NewWithPartitioningMarshaler(partitionKey),
		OverwriteSaramaConfig: settings,
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
