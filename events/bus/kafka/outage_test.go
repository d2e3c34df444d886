package kafka_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
)

func TestOutageIsSurvivedAndToldOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, 1) // its broker is not used
	dir := t.TempDir()
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", DataDir: dir, Topics: []string{b.topic}, Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { broker.Close() }()
	var log lines
	b.cfg.Brokers = []string{broker.Addr()}
	b.cfg.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 8}))
	produceOne := func(name string) {
		p, err := kafka.NewProducer(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = p.Close() }()
		if err := p.Produce(t.Context(), b.recordsNamed(name, 1)); err != nil {
			t.Fatal(err)
		}
	}
	frames, _ := b.subscribe(t)
	produceOne("010-1234-5678")
	b.receiveAll(t, frames, 1)

	broker.Close()
	eventually(t, "the same error happened again", func() bool { return strings.Count(log.String(), "Sarama internal error") >= 5 })
	broker, err = embedded.Start(t.Context(), embedded.Config{Listen: broker.Addr(), DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	produceOne("010-8765-4321")
	msg, f := receive(t, frames)
	for f.Records[len(f.Records)-1].Offset < 1 { // the first may come again
		msg.Ack()
		msg, f = receive(t, frames)
	}
	msg.Ack()

	told := make(map[string]int)
	for line := range strings.Lines(log.String()) {
		var entry struct{ Level, Msg, Error string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Level == "ERROR" {
			told[entry.Msg+entry.Error]++
		}
	}
	for what, n := range told {
		if n > 1 {
			t.Errorf("told %d times: %s", n, what)
		}
	}
	if len(told) == 0 {
		t.Error("the outage was not told")
	}
	for _, s := range b.sources(t) {
		if s.Gaps > 0 {
			t.Errorf("an outage is no gap: %+v", s)
		}
	}
	if strings.Contains(log.String(), "010-") {
		t.Error("a record's value is in the log")
	}
}

// A subscriber that is closed while it joins the group logs no error.
func TestClosingIsNoFault(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		var log lines
		b.cfg.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		_, closeFirst := b.subscribe(t)
		for range 5 {
			_, closeIt := b.subscribe(t)
			closeIt()
		}
		closeFirst()
		if text := log.String(); text != "" {
			t.Error(text)
		}
	})
}

// A session that cannot begin, because the log cannot be read, is tried again.
func TestSessionThatCannotBegin(t *testing.T) {
	t.Parallel()
	b := setup(t, 1)
	var log lines
	b.cfg.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	b.cfg.Log = &failing{Log: b.log}
	b.produce(t, "r", 3)
	frames, _ := b.subscribe(t)
	b.receiveAll(t, frames, 3)
	for _, what := range []string{"begin: the log is away", "consuming again"} {
		if !strings.Contains(log.String(), what) {
			t.Errorf("the log does not say %q:\n%s", what, log.String())
		}
	}
}

// failing is a log whose sources cannot be read once.
type failing struct {
	events.Log
	failed atomic.Bool
}

func (f *failing) Sources() events.Sources { return failingSources{f.Log.Sources(), f} }

type failingSources struct {
	events.Sources
	*failing
}

func (s failingSources) List(ctx context.Context) ([]events.SourceState, error) {
	if !s.failed.Swap(true) {
		return nil, errors.New("the log is away")
	}
	return s.Sources.List(ctx)
}

// lines is a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	log := setup(t, 1).log
	for name, cfg := range map[string]kafka.Config{
		"no brokers":      {Group: "g", Log: log},
		"no port":         {Group: "g", Log: log, Brokers: []string{"localhost"}},
		"empty host":      {Group: "g", Log: log, Brokers: []string{":9092"}},
		"one of two":      {Group: "g", Log: log, Brokers: []string{"localhost:9092", ""}},
		"group not given": {Brokers: []string{"localhost:9092"}, Log: log},
		"no log":          {Brokers: []string{"localhost:9092"}, Group: "g"},
		"instance":        {Brokers: []string{"localhost:9092"}, Group: "g", Log: log, Instance: "shop 1"},
	} {
		if _, err := kafka.NewSubscriber(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
