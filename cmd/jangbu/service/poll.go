package service

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"jangbu/cmd/jangbu/health"
	"jangbu/events"
	"jangbu/events/bus"
	"jangbu/events/bus/kafka"
	"jangbu/events/channels"
	"jangbu/projections/runner"
	"jangbu/readmodel"
	"jangbu/readmodel/lease"
)

// pollerLease is the lease under which channels are polled.
const pollerLease = "poller"

// polling is the part of the service that polls the channel APIs.
type polling struct {
	keeper  *lease.Keeper
	pollers []*channels.Poller
	metrics *health.Polls
}

// startPolling returns the handlers that poll each configured channel API; nil without any.
func (s *Service) startPolling(running context.Context) (*bus.Poll, error) {
	apis := s.cfg.configured()
	if len(apis) == 0 {
		s.line("poll", "off: no channel API is configured", "")
		return nil, nil
	}
	p := &polling{keeper: lease.New(lease.Config{
		Leases: s.rows, Name: pollerLease, Owner: s.owner, TTL: runner.DefaultLeaseTTL, Logger: s.logger,
	})}
	p.metrics = health.NewPolls(p.keeper.Held)
	schedule := s.cfg.Schedule()
	directory := channels.NewDirectory(listTargets(s.rows), schedule)
	var names []string
	for _, api := range apis {
		at, err := api.endpoint(s.cfg.ChannelRoots)
		if err != nil {
			return nil, fmt.Errorf("poll %s: %w", api.URL, err)
		}
		source := api.source(at)
		s.onClose(func() error { source.Close(); return nil })
		name := source.Name()
		poller, err := channels.NewPoller(channels.Config{
			Source: source, Directory: directory, Schedule: schedule,
			OnPoll:    func(poll channels.Poll) { s.polled(running, poll) },
			OnBreaker: func(_, to channels.State, last error) { s.breakerChanged(running, name, to, last) },
		})
		if err != nil {
			return nil, err
		}
		p.metrics.Add(poller)
		p.pollers = append(p.pollers, poller)
		names = append(names, name+" "+at.String())
	}
	publisher, err := kafka.NewPublisher(s.Kafka())
	if err != nil {
		return nil, err
	}
	s.onClose(publisher.Close)
	ticks := bus.NewTicks(tickOf(schedule))
	s.onClose(ticks.Close)
	s.polling = p
	s.group.Go(func() error { p.keeper.Keep(running); return nil })
	s.line("poll", strings.Join(names, ", "), "")
	return &bus.Poll{
		Pollers: p.pollers, Ticks: ticks, Term: p.keeper.Term,
		Publisher: publisher, Topic: s.cfg.TopicChannelStatsFetched, KeyMetadata: kafka.KeyMetadata,
	}, nil
}

// tickOf returns how often the pollers look which campaigns are due: a tenth of the shortest
// interval, within 50 ms and 1 s.
func tickOf(s channels.Schedule) time.Duration {
	return min(max(s.Interval(0)/10, 50*time.Millisecond), time.Second)
}

// listTargets reads the targets from the rows.
func listTargets(rows readmodel.Store) channels.List {
	return func(ctx context.Context, endedBefore time.Time) ([]channels.Target, error) {
		distributed, err := rows.Distributed(ctx, endedBefore)
		if err != nil {
			return nil, err
		}
		targets := make([]channels.Target, len(distributed))
		for i := range distributed {
			d := &distributed[i]
			channel := events.Channel(d.Channel)
			targets[i] = channels.Target{
				Campaign: d.Campaign, Channel: channel, DistributedAt: d.DistributedAt,
				Known: events.ChannelStatsFetched{
					Campaign: d.Campaign, Channel: channel, FetchedAt: d.FetchedAt,
					Impressions: figure(d.Impressions), Views: figure(d.Views), Clicks: figure(d.Clicks),
					Likes: figure(d.Likes), Comments: figure(d.Comments), Shares: figure(d.Shares),
				},
			}
		}
		return targets, nil
	}
}

// figure returns a figure's value; nil if it is unknown (I8).
func figure(f readmodel.Figure) *int64 {
	if !f.Known() {
		return nil
	}
	return &f.Value
}

// polled counts a poll that has ended. A poll that failed is logged at level debug only,
// because breakerChanged logs an outage once.
func (s *Service) polled(ctx context.Context, poll channels.Poll) {
	s.polling.metrics.Note(poll)
	if poll.Err != nil {
		s.logger.DebugContext(ctx, "poll: failed", slog.String("api", poll.Source), slog.String("campaign", string(poll.Campaign)),
			slog.String("outcome", string(poll.Result)), slog.Int("attempts", poll.Attempts), slog.Any("error", poll.Err))
	}
	for _, channel := range poll.Shrunk {
		s.logger.WarnContext(ctx, "poll: a cumulative figure is lower than before",
			slog.String("channel", string(channel)), slog.String("campaign", string(poll.Campaign)))
	}
}

// breakerChanged logs each change of a breaker: an outage, each probe, its end.
func (s *Service) breakerChanged(ctx context.Context, api string, to channels.State, last error) {
	if to == channels.Open {
		s.logger.WarnContext(ctx, "poll: breaker is open", slog.String("api", api), slog.Any("error", last))
		return
	}
	s.logger.InfoContext(ctx, "poll: breaker is "+string(to), slog.String("api", api))
}
