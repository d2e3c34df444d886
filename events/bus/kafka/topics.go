package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// EnsureTopics creates the topics that are missing, with the given number of partitions
// and the brokers' default number of replicas, and waits until all partitions of these have a
// leader. An existing topic keeps its partitions, and needs no right to create; one of its
// partitions without a leader does not keep the others waiting. While no broker can be reached
// or is ready it tries again, until ctx ends; the error then wraps those of the context and of
// the last attempt. A permanent refusal is returned at once.
func EnsureTopics(ctx context.Context, cfg Config, partitions int32, topics ...string) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return fmt.Errorf("ensure topics: %w", err)
	}
	created := make(map[string]bool)
	for {
		attempt := make(chan error, 1)
		go func() { attempt <- ensureTopics(cfg, partitions, topics, created) }() // which may last longer than ctx
		select {
		case err = <-attempt:
		case <-ctx.Done():
			return fmt.Errorf("ensure topics: %w", ctx.Err())
		}
		if err == nil {
			return nil
		}
		if refused(err) {
			return fmt.Errorf("ensure topics: %w", err)
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return fmt.Errorf("ensure topics: %w", errors.Join(ctx.Err(), err))
		}
	}
}

// ensureTopics makes one attempt. Topics that it creates it adds to created.
func ensureTopics(cfg Config, partitions int32, topics []string, created map[string]bool) error {
	settings, err := cfg.client()
	if err != nil {
		return err
	}
	client, err := sarama.NewClient(cfg.Brokers, settings)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // nothing is pending
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return err
	}
	for _, topic := range topics {
		if _, _, err := identify(client, topic); !errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
			if err != nil {
				return fmt.Errorf("describe %q: %w", topic, err)
			}
			continue
		}
		detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: -1}
		if err := admin.CreateTopic(topic, detail, false); err != nil && !errors.Is(err, sarama.ErrTopicAlreadyExists) {
			return fmt.Errorf("create %q: %w", topic, err)
		}
		created[topic] = true
	}
	for topic := range created {
		if err := client.RefreshMetadata(topic); err != nil {
			return fmt.Errorf("describe %q: %w", topic, err)
		}
		ids, err := client.Partitions(topic)
		if err != nil {
			return fmt.Errorf("partitions of %q: %w", topic, err)
		}
		for _, id := range ids {
			if _, err := client.Leader(topic, id); err != nil {
				return fmt.Errorf("leader of %s/%d: %w", topic, id, err)
			}
		}
	}
	return nil
}

// refused reports whether another attempt would fail the same way.
func refused(err error) bool {
	for _, final := range []sarama.KError{
		sarama.ErrInvalidTopic, sarama.ErrInvalidPartitions, sarama.ErrPolicyViolation,
		sarama.ErrTopicAuthorizationFailed, sarama.ErrClusterAuthorizationFailed,
		sarama.ErrSASLAuthenticationFailed, sarama.ErrUnsupportedSASLMechanism,
	} {
		if errors.Is(err, final) {
			return true
		}
	}
	var wrong sarama.ConfigurationError
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &wrong) || errors.As(err, &untrusted) || errors.Is(err, errForbidden)
}

// Remove deletes topics and their consumer groups, if Group is configured. What is not there is
// no error.
func Remove(ctx context.Context, cfg Config, topics ...string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("remove topics: %w", err)
	}
	if err := remove(cfg, topics); err != nil {
		return fmt.Errorf("remove topics: %w", err)
	}
	return nil
}

func remove(cfg Config, topics []string) (err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return err
	}
	settings, err := cfg.client()
	if err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdmin(cfg.Brokers, settings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	var all []error
	for _, topic := range topics {
		if err := admin.DeleteTopic(topic); err != nil && !errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
			all = append(all, fmt.Errorf("delete %q: %w", topic, err))
		}
		if cfg.Group == "" {
			continue
		}
		if err := admin.DeleteConsumerGroup(cfg.group(topic)); err != nil && !errors.Is(err, sarama.ErrGroupIDNotFound) {
			all = append(all, fmt.Errorf("delete group %q: %w", cfg.group(topic), err))
		}
	}
	return errors.Join(all...)
}
