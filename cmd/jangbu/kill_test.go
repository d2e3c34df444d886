package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/synthetic"
)

// kills is how often each variant of TestKilled is killed, unless JANGBU_TEST_KILLS says
// otherwise.
const kills = 25

// TestKilled kills the program with SIGKILL under load, again and again, and
// starts it again: the totals equal what was sent (I1, I5).
func TestKilled(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		testKilled(t, nil)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		testKilled(t, postgresEnvironment(t))
	})
}

func testKilled(t *testing.T, environment []string) {
	const seed = 20261123
	random := rand.New(rand.NewPCG(seed, 0))
	g, err := synthetic.New(synthetic.Config{
		Seed: seed, Campaigns: 20, Start: time.Now(), Topics: stores.DefaultTopics().Topics(), DuplicateShare: 0.05, MalformedShare: 0.02,
	})
	if err != nil {
		t.Fatal(err)
	}
	traffic := &resender{pending: append(append(g.Campaigns(), g.Distributions()...), g.Stats(time.Now())...), next: g.Next}
	kills := kills
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_KILLS")); err == nil {
		kills = n
	}
	var sent int64 // records that the broker has acknowledged
	dir := t.TempDir()
	p := startKillable(t, dir, environment)
	for kill := range kills {
		before := p.metric(t, "jangbu_log_received_total")
		ctx, stop := context.WithCancel(t.Context())
		loaded := make(chan int64, 1)
		go func() { loaded <- traffic.send(ctx, p.broker) }()
		// Killed while it works: some time after it has taken in some more.
		waitFor(t, time.Minute, func() string {
			if p.metric(t, "jangbu_log_received_total") == before {
				return "nothing is taken in"
			}
			return ""
		})
		time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond) // the random moment, not a wait for something
		p.kill(t)
		stop()
		sent += <-loaded
		t.Logf("kill %d: after %d records were sent", kill+1, sent)
		p = startKillable(t, dir, environment)
	}
	// What was under way at the last kill may or may not have arrived: send it again.
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	traffic.last = true
	traffic.send(ctx, p.broker)
	if len(traffic.pending) > 0 {
		t.Fatal("the last records could not be sent")
	}
	want := g.Expected()
	events := want.Participants + int64(len(g.Campaigns())+len(g.Distributions())+len(g.Stats(time.Now())))
	// As long as it gets anywhere it may take its time: the machine may be slow.
	for _, metric := range []string{
		`jangbu_log_head`, `jangbu_projection_position{projection="event_stats"}`, `jangbu_projection_position{projection="participant_profile"}`,
	} {
		for before := int64(-1); before != events; {
			waitFor(t, 30*time.Second, func() string {
				got := p.metric(t, metric)
				if got == before {
					return fmt.Sprintf("%s stands at %d of %d", metric, got, events)
				}
				before = got
				return ""
			})
		}
	}
	received, duplicates, dead := p.metric(t, "jangbu_log_received_total"), p.metric(t, "jangbu_log_duplicates_total"), p.metric(t, "jangbu_log_dead_letters")
	if received != events+duplicates+dead {
		t.Errorf("received %d ≠ appended %d + duplicate %d + dead-lettered %d", received, events, duplicates, dead)
	}
	// A malformed record that was sent twice is two records of the topic.
	if dead < want.DeadLetters {
		t.Errorf("%d dead letters of at least %d", dead, want.DeadLetters)
	}
	for _, c := range want.Campaigns {
		if got := p.dashboard(t, string(c.Campaign)); got.Summary.TotalParticipants != c.Participants {
			t.Errorf("%s has %d participants of %d", c.Campaign, got.Summary.TotalParticipants, c.Participants)
		}
	}
	t.Logf("%d kills: %d events, %d duplicates, %d dead letters", kills, events, duplicates, dead)
	p.kill(t)
}

// resender sends what next makes. What was not acknowledged when the
// broker went away is sent again, as any producer would.
type resender struct {
	next    func() events.Record
	pending []events.Record
	last    bool // send what is pending, and no more
}

func (r *resender) send(ctx context.Context, broker string) (acknowledged int64) {
	producer, err := kafka.NewProducer(kafka.Config{Brokers: []string{broker}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0
	}
	// In the background: it keeps trying to reach a broker that is gone.
	defer func() { go func() { _ = producer.Close() }() }()
	for ctx.Err() == nil {
		if len(r.pending) == 0 {
			if r.last {
				break
			}
			for range 200 {
				r.pending = append(r.pending, r.next())
			}
		}
		failed, records := make(chan error, 1), r.pending
		go func() { failed <- producer.Produce(ctx, records) }()
		select {
		case err = <-failed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return acknowledged
		}
		acknowledged += int64(len(r.pending))
		r.pending = nil
	}
	return acknowledged
}
