package service

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"jangbu/events"
	"jangbu/events/bus"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/commit"
	"jangbu/events/privacy"
)

// openPrivacy opens the keys of the campaigns.
func (s *Service) openPrivacy(ctx context.Context, master privacy.MasterKey) (keeper *privacy.Keeper, err error) {
	keys, closeKeys, err := s.cfg.OpenKeys(ctx, s.log.Log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeKeys())
		} else {
			s.onClose(closeKeys)
		}
	}()
	switch err := privacy.CheckKeys(ctx, keys, s.log); {
	case errors.Is(err, privacy.ErrLostKeys) && s.cfg.AcceptLostKeys:
		s.logger.WarnContext(ctx, "keys: their store is new, and the log holds older pseudonyms: those stay unlinked, new ones begin")
	case errors.Is(err, privacy.ErrLostKeys):
		return nil, fmt.Errorf("%w: restore the key store, or go on with --accept-lost-keys, which leaves them unlinked", err)
	case err != nil:
		return nil, err
	}
	keeper, err = privacy.Open(ctx, keys, master)
	if err == nil && keeper.Former() {
		s.logger.WarnContext(ctx, "keys: started with the former master key; start with the new one before jangbu privacy rotate --finish")
	}
	return keeper, err
}

// brokersTime is for how long brokers are tried before it is said that they are away.
const brokersTime = 5 * time.Second

// startBroker starts a broker unless brokers are configured, and creates missing topics.
func (s *Service) startBroker(starting context.Context) (err error) {
	topics := s.cfg.TopicNames()
	if len(s.cfg.KafkaBrokers) == 0 {
		password, err := s.cfg.brokerPassword()
		if err != nil {
			return fmt.Errorf("start broker: %w", err)
		}
		s.embedded, err = embedded.Start(starting, embedded.Config{
			Listen: s.cfg.KafkaListen, DataDir: filepath.Join(s.cfg.DataDir, "broker"),
			Partitions: Partitions, Topics: topics, Password: password, Logger: s.logger,
		})
		if err != nil {
			return fmt.Errorf("start broker: %w", err)
		}
		s.onClose(func() error { s.embedded.Close(); return nil })
		s.brokers = kafka.Config{Brokers: []string{s.embedded.Addr()}}
		who := "open to every user of this machine"
		if password != "" {
			who = "by the password of user " + embedded.User
			s.brokers.SASL = &kafka.SASL{
				Mechanism: kafka.ScramSHA256, User: embedded.User, Password: func() (string, error) { return password, nil },
			}
		}
		s.line("broker", s.embedded.Addr(), "embedded (Kafka protocol), "+who)
	} else {
		s.brokers = s.cfg.Kafka(s.cfg.KafkaBrokers)
		s.line("broker", strings.Join(s.brokers.Brokers, ","), s.cfg.Shown())
	}
	err = s.await(starting, "broker", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, brokersTime)
		defer cancel()
		return kafka.EnsureTopics(ctx, s.Kafka(), Partitions, topics...)
	})
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	return nil
}

// held returns what the log holds of the topics.
func (s *Service) held(ctx context.Context) ([]embedded.Held, error) {
	read, err := s.log.Sources().List(ctx)
	if err != nil {
		return nil, err
	}
	held := make([]embedded.Held, len(read))
	for i, r := range read {
		held[i] = embedded.Held{Topic: r.Topic, TopicID: r.TopicID, Partition: r.Partition, Next: r.Next}
	}
	return held, nil
}

// startRouter starts the handlers of messages: those of ingest and of poll.
func (s *Service) startRouter(starting, running context.Context, master privacy.MasterKey) (err error) {
	if err := s.startBroker(starting); err != nil {
		return err
	}
	if s.embedded != nil && s.cfg.KafkaRetention > 0 {
		s.group.Go(func() error { s.embedded.Retain(running, s.cfg.KafkaRetention, s.held); return nil })
	}
	cfg := bus.Config{Logger: s.logger, Middleware: append(s.tracing.Messages(), s.messages.Watch)}
	if s.cfg.does(roleIngest) {
		if cfg.Ingest, err = s.ingest(starting, master); err != nil {
			return err
		}
	}
	if s.cfg.does(rolePoll) {
		if cfg.Poll, err = s.startPolling(running); err != nil {
			return err
		}
	}
	if cfg.Ingest == nil && cfg.Poll == nil {
		return nil
	}
	if s.router, err = bus.NewRouter(cfg); err != nil {
		return err
	}
	s.group.Go(func() error { return s.router.Run(running) })
	select {
	case <-s.router.Running():
		return nil
	case <-running.Done():
		return s.group.Wait()
	case <-starting.Done():
		return fmt.Errorf("subscribe to topics: %w", starting.Err())
	}
}

// ingest returns the handlers that take every topic into the log.
func (s *Service) ingest(ctx context.Context, master privacy.MasterKey) (*bus.Ingest, error) {
	var keeper *privacy.Keeper
	err := s.await(ctx, "keys", func(ctx context.Context) (err error) {
		keeper, err = s.openPrivacy(ctx, master)
		return err
	})
	if err != nil {
		return nil, err
	}
	subscriber, err := kafka.NewSubscriber(s.Kafka())
	if err != nil {
		return nil, err
	}
	s.onClose(subscriber.Close)
	var log events.Appender = s.log
	if s.cfg.does(roleProject) { // it may be folded here
		log = s.tail
	}
	appender := commit.New(log, commit.Options{})
	s.onClose(func() error { appender.Close(); return nil })
	topics := s.cfg.Topics()
	s.line("ingest", fmt.Sprintf("groups %s.…, topics %s", s.cfg.KafkaGroup, strings.Join(s.cfg.TopicNames(), " ")), "")
	return &bus.Ingest{
		Subscriber: subscriber, Topics: topics, Privacy: keeper,
		Log: s.log, Appender: s.tracing.Appends(appender),
	}, nil
}
