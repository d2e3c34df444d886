package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/channels/simulator"
	"jangbu/projections/runner"
)

type demoCommand struct {
	HTTPAddr string `env:"JANGBU_HTTP_ADDR" default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where the read API listens (${default}: any free port)."`
	trafficConfig
	For time.Duration `placeholder:"DURATION" help:"End by itself after so long."`
	logConfig
}

// Help implements kong's detailed help.
func (demoCommand) Help() string {
	return `Starts every part in a temporary directory, on free ports: broker, log, rows, API,
simulated channel APIs and generated traffic. Shows the pipeline moving until it is
interrupted, and leaves nothing behind.

Examples:
  jangbu demo
  jangbu demo --rate 2000 --malformed 0.01
  jangbu demo --for 30s`
}

// demoRate is the registrations a second of a demo that names no rate.
const demoRate = 50

// Run runs the demo.
func (c demoCommand) Run(ctx context.Context, t terminal) (err error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	if c.For > 0 {
		timer := time.AfterFunc(c.For, end)
		defer timer.Stop()
	}
	if c.LogLevel == "info" {
		c.LogLevel = "warn" // the terminal is for the pipeline
	}
	logger := c.logger(t)
	dir, err := os.MkdirTemp("", "jangbu-demo-")
	if err != nil {
		return fmt.Errorf("make temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := startService(ctx, serviceConfig{
		DataDir: dir, HTTPAddr: c.HTTPAddr, AdminAddr: "127.0.0.1:0",
		KafkaListen: "127.0.0.1:0", KafkaGroup: "jangbu", topicConfig: defaultTopics(),
		Role: []string{"all"}, TZ: "Asia/Seoul", logConfig: c.logConfig,
	}, logger)
	if err != nil {
		return err
	}
	for _, line := range s.lines {
		t.say("%s", line)
	}
	if err := c.startTraffic(ctx, s, t, logger); err != nil {
		end()
		return errors.Join(err, s.close())
	}
	return s.wait(ctx)
}

// startTraffic starts what fills the pipeline and what shows it.
func (c demoCommand) startTraffic(ctx context.Context, s *service, t terminal, logger *slog.Logger) error {
	g, err := c.generator(time.Now(), s.cfg.topics())
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	producer, err := kafka.NewProducer(s.kafkaConfig())
	if err != nil {
		return err
	}
	const key = "demo"
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(fmt.Errorf("start simulated channels: %w", err), producer.Close())
	}
	channels := &http.Server{Handler: simulator.New(simulator.Config{Key: key, Now: time.Now, Since: time.Now()}), ReadHeaderTimeout: time.Second}
	s.group.Go(func() error {
		if err := channels.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve simulated channels: %w", err)
		}
		return nil
	})
	context.AfterFunc(ctx, func() { _ = channels.Close() }) // nobody waits for its answers
	t.say("%-9s http://%s  simulated (우리동네TV, 지니TV, SNS)", "channels", listener.Addr())

	perSecond := c.Rate
	if perSecond == 0 {
		perSecond = demoRate
	}
	campaigns := make([]events.Campaign, 0, c.Campaigns)
	for _, record := range g.Campaigns() {
		campaigns = append(campaigns, events.Campaign(record.Key))
	}
	t.say("\nOpen http://%s/api/events/%s/analytics\n", s.httpAddr, campaigns[0])

	s.group.Go(func() error {
		_, err := publish(ctx, producer, g, nil, 0, perSecond)
		if ctx.Err() != nil {
			err = nil
		}
		return errors.Join(err, producer.Close())
	})
	f := feed{base: "http://" + listener.Addr().String(), key: key, topic: s.cfg.TopicChannelStatsFetched, producer: producer, logger: logger}
	s.group.Go(func() error { f.run(ctx, campaigns); return nil })
	s.group.Go(func() error { show(ctx, t, s); return nil })
	return nil
}

func defaultTopics() topicConfig {
	return topicConfig{"event-created", "participant-registered", "distribution-completed", "channel-stats-fetched"}
}

// show prints a line a second about the pipeline.
func show(ctx context.Context, t terminal, s *service) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var before events.Totals
	for n := 0; ; n++ {
		totals, err := s.log.Totals(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			if n%20 == 0 {
				t.say("%10s %10s %8s %12s %14s", "log head", "events/s", "lag", "duplicates", "dead letters")
			}
			t.say("%10d %10d %8d %12d %14d", totals.Head, totals.Head-before.Head,
				lag(s.runner.Status(), totals.Head), totals.Duplicates, totals.DeadLettered)
			before = totals
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// lag is how many events the projection that is farthest behind has yet to fold.
func lag(status runner.Status, head events.Position) events.Position {
	low := head
	for _, at := range status.Checkpoints {
		low = min(low, at.Position)
	}
	return head - low
}
