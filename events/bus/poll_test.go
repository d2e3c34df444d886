package bus_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/events/bus"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/channels"
	"jangbu/events/sqlitelog"
)

const statsTopic = "channel-stats-fetched"

// naver is an API whose figures do not change.
type naver struct{ calls atomic.Int64 }

func (*naver) Name() string               { return "naver" }
func (*naver) Channels() []events.Channel { return []events.Channel{events.Naver} }

func (n *naver) Fetch(_ context.Context, c events.Campaign) ([]*events.ChannelStatsFetched, error) {
	n.calls.Add(1)
	views := int64(2000)
	return []*events.ChannelStatsFetched{{Campaign: c, Channel: events.Naver, Views: &views}}, nil
}

// lease is the lease on polling.
type lease struct{ mine atomic.Bool }

func (l *lease) term(ctx context.Context) (context.Context, context.CancelFunc, bool) {
	ctx, cancel := context.WithCancel(ctx)
	return ctx, cancel, l.mine.Load()
}

// TestPoll: what an API says becomes a record of its topic that ingestion reads
// back as it was, under the campaign's key; and only in this process's term.
func TestPoll(t *testing.T) {
	t.Parallel()
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", Topics: []string{statsTopic}, Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	client := kafka.Config{Brokers: []string{broker.Addr()}, Group: "test", Log: log}
	publisher, err := kafka.NewPublisher(client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publisher.Close() })
	subscriber, err := kafka.NewSubscriber(client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = subscriber.Close() })
	frames, err := subscriber.Subscribe(t.Context(), statsTopic)
	if err != nil {
		t.Fatal(err)
	}

	campaigns := []events.Campaign{"evt-1", "evt-2", `이벤트 "3"`}
	source, l := &naver{}, &lease{}
	directory := channels.NewDirectory(func(context.Context, time.Time) ([]channels.Target, error) {
		var targets []channels.Target
		for _, c := range campaigns {
			targets = append(targets, channels.Target{Campaign: c, Channel: events.Naver, DistributedAt: time.Now()})
		}
		return targets, nil
	}, channels.Schedule{})
	poller, err := channels.NewPoller(channels.Config{Source: source, Directory: directory})
	if err != nil {
		t.Fatal(err)
	}
	ticks := bus.NewTicks(5 * time.Millisecond)
	router, err := bus.NewRouter(bus.Config{Logger: slog.New(slog.DiscardHandler), Poll: &bus.Poll{
		Pollers: []*channels.Poller{poller}, Ticks: ticks, Term: l.term,
		Publisher: publisher, Topic: statsTopic, KeyMetadata: kafka.KeyMetadata,
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("router: %v", err)
		}
	}()

	// Ticks pass that are not this process's.
	other, err := ticks.Subscribe(ctx, "other")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		msg := <-other
		if msg.Ack(); source.calls.Load() > 0 {
			t.Fatal("polled outside of its term")
		}
	}
	l.mine.Store(true)

	got := make(map[events.Campaign]events.Event)
	for len(got) < len(campaigns) {
		select {
		case msg := <-frames:
			frame, err := events.DecodeFrame(msg.Payload)
			if err != nil {
				t.Fatal(err)
			}
			for _, record := range frame.Records {
				d, err := events.Decode(events.TypeChannelStatsFetched, record, record.Timestamp)
				if err != nil {
					t.Fatalf("%s: %v", record.Value, err)
				}
				if string(record.Key) != string(d.Event.Subject()) {
					t.Errorf("the key of %s is %q", record.Value, record.Key)
				}
				got[d.Event.Subject()] = d.Event
			}
			msg.Ack()
		case <-time.After(patience):
			t.Fatalf("%d of %d reports came", len(got), len(campaigns))
		}
	}
	for _, c := range campaigns {
		views := int64(2000)
		e, ok := got[c].(*events.ChannelStatsFetched)
		if !ok || time.Since(e.FetchedAt) > time.Minute {
			t.Errorf("%s: %+v", c, got[c])
			continue
		}
		want := &events.ChannelStatsFetched{Campaign: c, Channel: events.Naver, FetchedAt: e.FetchedAt, Views: &views}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c, diff)
		}
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	ticks := bus.NewTicks(time.Millisecond)
	messages, err := ticks.Subscribe(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	first := <-messages
	select {
	case <-messages:
		t.Error("a tick came before the last one was answered")
	case <-time.After(20 * time.Millisecond): // twenty ticks
	}
	first.Nack() // an answer as any other
	second := <-messages
	if second.UUID == first.UUID {
		t.Error("the same tick came again")
	}
	second.Ack()
	third := <-messages // not answered
	if err := ticks.Close(); err != nil {
		t.Error(err)
	}
	if third.Context().Err() == nil {
		t.Error("the context of an open tick did not end")
	}
	if _, ok := <-messages; ok {
		t.Error("a tick after the end")
	}
	if _, err := ticks.Subscribe(t.Context(), "a"); err == nil {
		t.Error("a closed subscriber was subscribed to")
	}
	if err := ticks.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}
