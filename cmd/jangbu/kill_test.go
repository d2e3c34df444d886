package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/synthetic"
)

// kills is how often each variant of TestKilled is killed, unless JANGBU_TEST_KILLS says
// otherwise.
const kills = 25

// TestKilled kills the program with SIGKILL under load, again and again, and
// starts it again: the totals equal what was sent (I1, I5).
func TestKilled(t *testing.T) {
	t.Parallel()
	n := kills
	if long, err := strconv.Atoi(os.Getenv("JANGBU_TEST_KILLS")); err == nil {
		n = long
	}
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		testKilled(t, n, stores.DefaultTopics(), nil, nil)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		testKilled(t, n, stores.DefaultTopics(), postgresEnvironment(t), nil)
	})
	t.Run("postgres and Apache Kafka", func(t *testing.T) {
		t.Parallel()
		broker := services.Kafka(t)
		topics, environment := kafkaEnvironment(t, broker)
		environment = append(append(environment, postgresEnvironment(t)...), "JANGBU_INSTANCE=killed")
		testKilled(t, max(1, n/4), topics, environment, func() { wantCommitted(t, broker, topics, environment) })
	})
}

// kafkaEnvironment returns topics of the test's own on a broker, and what has the program use them,
// with groups that begin with the name of the first.
func kafkaEnvironment(t *testing.T, broker string) (stores.TopicConfig, []string) {
	t.Helper()
	var topics stores.TopicConfig
	environment := []string{"JANGBU_KAFKA_BROKERS=" + broker}
	for name, topic := range map[string]*string{
		"event-created": &topics.TopicEventCreated, "participant-registered": &topics.TopicParticipantRegistered,
		"distribution-completed": &topics.TopicDistributionCompleted, "channel-stats-fetched": &topics.TopicChannelStatsFetched,
	} {
		*topic = services.Topic(t, broker, name)
		environment = append(environment, "JANGBU_TOPIC_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+*topic)
	}
	return topics, append(environment, "JANGBU_KAFKA_GROUP="+topics.TopicEventCreated)
}

// knownSource is a source of `jangbu sources`.
type knownSource struct {
	Topic     string
	Partition int32
	Next      int64
}

// sourcesOf returns what the log in an environment's database knows.
func sourcesOf(t *testing.T, environment []string) []knownSource {
	t.Helper()
	args := []string{"sources", "--json", "--data-dir", t.TempDir()}
	for _, v := range environment {
		if url, ok := strings.CutPrefix(v, "JANGBU_DATABASE_URL="); ok {
			args = append(args, "--database-url", url)
		}
	}
	out, complaint, code := command(t, args...)
	var known struct{ Sources []knownSource }
	if err := json.Unmarshal([]byte(out), &known); err != nil || code != cli.ExitDone {
		t.Fatalf("sources: exit %d, %v: %s", code, err, complaint)
	}
	return known.Sources
}

// wantCommitted checks that the groups' offsets are where the log ends with each partition, or behind
// it by the frames that were with handlers at the end.
func wantCommitted(t *testing.T, broker string, topics stores.TopicConfig, environment []string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	known := sourcesOf(t, environment)
	committed := make(map[string]kadm.OffsetResponses)
	for _, topic := range topics.TopicNames() {
		group := topics.TopicEventCreated + "." + topic
		if committed[topic], err = kadm.NewClient(client).FetchOffsets(t.Context(), group); err != nil {
			t.Fatal(err)
		}
	}
	if len(known) == 0 {
		t.Error("the log knows no source")
	}
	const frames = 2 * 12_000
	behind := 0
	for _, s := range known {
		switch at, _ := committed[s.Topic].Lookup(s.Topic, s.Partition); {
		case at.At > s.Next || at.At < s.Next-frames:
			t.Errorf("%s/%d: the log ends at %d, the group's offset is %d", s.Topic, s.Partition, s.Next, at.At)
		case at.At < s.Next:
			behind++
		}
	}
	t.Logf("of %d partitions %d have an offset behind the log's", len(known), behind)
}

const trafficSeed = 20261123

// newTraffic returns what is sent to topics, and what sends it.
func newTraffic(t *testing.T, topics stores.TopicConfig) (*synthetic.Generator, *resender) {
	t.Helper()
	g, err := synthetic.New(synthetic.Config{
		Seed: trafficSeed, Campaigns: 20, Start: time.Now(), Topics: topics.Topics(), DuplicateShare: 0.05, MalformedShare: 0.02,
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, &resender{pending: append(append(g.Campaigns(), g.Distributions()...), g.Stats(time.Now())...), next: g.Next}
}

// testKilled kills the program again and again, and stops it the last time, under load. After it was
// stopped, stopped is called.
func testKilled(t *testing.T, kills int, topics stores.TopicConfig, environment []string, stopped func()) {
	random := rand.New(rand.NewPCG(trafficSeed, 0))
	g, traffic := newTraffic(t, topics)
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
		if kill < kills-1 {
			p.kill(t)
		} else {
			began := time.Now()
			p.stop(t)
			t.Logf("stopped after %v", time.Since(began).Round(time.Millisecond))
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("SIGTERM stops the program after %v", took)
			}
			if stopped != nil {
				stopped()
			}
		}
		stop()
		sent += <-loaded
		t.Logf("kill %d: after %d records were sent", kill+1, sent)
		p = startKillable(t, dir, environment)
	}
	wantAll(t, p, g, traffic)
	p.kill(t)
}

// TestFrozenPastItsSession freezes one of two processes for longer than its session, under load,
// and lets it go on: the other takes over its partitions, and what the first had at work is written
// once (I1, I5). It takes a minute, and runs where JANGBU_TEST_KAFKA_FAULTS is given;
// TestTwoOwnersOfOnePartition of events/bus/kafka is its short form.
func TestFrozenPastItsSession(t *testing.T) {
	t.Parallel()
	if os.Getenv("JANGBU_TEST_KAFKA_FAULTS") == "" {
		return
	}
	broker := services.Kafka(t)
	topics, environment := kafkaEnvironment(t, broker)
	environment = append(environment, postgresEnvironment(t)...)
	frozen, other := startKillable(t, t.TempDir(), environment), startKillable(t, t.TempDir(), environment)
	g, traffic := newTraffic(t, topics)
	ctx, stop := context.WithCancel(t.Context())
	loaded := make(chan int64, 1)
	go func() { loaded <- traffic.send(ctx, broker) }()
	grows := func(by int64) {
		t.Helper()
		before := other.metric(t, "jangbu_log_received_total")
		waitFor(t, time.Minute, func() string {
			if got := other.metric(t, "jangbu_log_received_total"); got < before+by {
				return fmt.Sprintf("%d of %d more records are taken in", got-before, by)
			}
			return ""
		})
	}
	grows(1000)
	if err := frozen.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	registered := topics.TopicParticipantRegistered
	at := func() map[int32]int64 {
		next := make(map[int32]int64)
		for _, s := range sourcesOf(t, environment) {
			if s.Topic == registered {
				next[s.Partition] = s.Next
			}
		}
		return next
	}
	before := at()
	waitFor(t, 30*time.Second, func() string { // all partitions with campaigns, whose keys are few
		for partition, next := range at() {
			if next == before[partition] && next > 0 {
				return fmt.Sprintf("partition %d stands at %d", partition, next)
			}
		}
		return ""
	})
	t.Logf("all partitions went on %v after one of two processes was frozen", time.Since(began).Round(10*time.Millisecond))
	if err := frozen.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	grows(1000)
	stop()
	<-loaded
	wantAll(t, frozen, g, traffic)
	other.stop(t)
	frozen.stop(t)
}

// wantAll sends what is left and checks that the program has all that was sent, once.
func wantAll(t *testing.T, p *program, g *synthetic.Generator, traffic *resender) {
	t.Helper()
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
	var duplicates, dead int64
	// A malformed record that was sent twice is two records of the topic. The last may come after all
	// events, from other partitions.
	waitFor(t, 30*time.Second, func() string {
		m := p.metrics(t)
		received := m["jangbu_log_received_total"]
		duplicates, dead = m["jangbu_log_duplicates_total"], m["jangbu_log_dead_letters"]
		if received != events+duplicates+dead || dead < want.DeadLetters {
			return fmt.Sprintf("received %d, appended %d, duplicate %d, dead-lettered %d of at least %d", received, events, duplicates, dead, want.DeadLetters)
		}
		return ""
	})
	for _, c := range want.Campaigns {
		if got := p.dashboard(t, string(c.Campaign)); got.Summary.TotalParticipants != c.Participants {
			t.Errorf("%s has %d participants of %d", c.Campaign, got.Summary.TotalParticipants, c.Participants)
		}
	}
	t.Logf("%d events, %d duplicates, %d dead letters", events, duplicates, dead)
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
