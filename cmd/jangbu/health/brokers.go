package health

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/events"
	"jangbu/events/bus/kafka"
)

const (
	// askTimeout bounds how long brokers are asked, and how long for an answer that others wait
	// for too.
	askTimeout = 1500 * time.Millisecond
	// askEvery is how old an answer may be that is given again.
	askEvery = time.Second
	// maxPartitions bounds the values of the label partition: those beyond count as one, "more".
	maxPartitions = 256
	// tolerated is how long what is to be done may wait, or fail, before a part is not ready.
	tolerated = 30 * time.Second
)

// brokers asks where the partitions of the topics end, one question at a time.
type brokers struct {
	ask func(context.Context) (map[string]kafka.Topic, error)

	mu   sync.Mutex
	last *answer // guarded by mu; nil before the first
}

// answer is one that comes: done is closed once it has.
type answer struct {
	asked  time.Time
	done   chan struct{}
	topics map[string]kafka.Topic
	err    error
}

// topics returns what brokers have just said.
func (b *brokers) topics(ctx context.Context) (map[string]kafka.Topic, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	a := b.answer()
	select {
	case <-a.done:
		return a.topics, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("no answer for %v", time.Since(a.asked).Round(100*time.Millisecond))
	}
}

// answer returns the last one, or asks for another. A client of Kafka may take longer than its
// context to give up; it is not asked again meanwhile.
func (b *brokers) answer() *answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last != nil {
		select {
		case <-b.last.done:
			if time.Since(b.last.asked) < askEvery {
				return b.last
			}
		default:
			return b.last
		}
	}
	a := &answer{asked: time.Now(), done: make(chan struct{})}
	b.last = a
	go func() {
		defer close(a.done)
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		defer cancel()
		a.topics, a.err = b.ask(ctx)
	}()
	return a
}

// sources judges how far the topics have been read. It is safe for concurrent use.
type sources struct {
	log     events.Log
	brokers *brokers
	names   []string // of the topics

	mu       sync.Mutex
	standing map[partition]standing // guarded by mu; those with records that wait
}

type partition struct {
	topic  string
	number int32
}

// standing is where a partition is to be read on, and since when that has not changed while
// records waited, as far as was looked.
type standing struct {
	next  int64
	since time.Time
}

// unread is what has not been read of the topics.
type unread struct {
	missing []string // topics that brokers do not have
	lags    map[partition]int64
	stalled map[string]time.Duration // by topic: the longest time in which none was read of a partition with some
	worst   partition                // the one that has been stalled longest
}

// errBrokers is why it is not known how far topics have been read, unless it is the log.
var errBrokers = errors.New("brokers cannot be asked")

// look compares where the log goes on with where the brokers say that the partitions end.
func (s *sources) look(ctx context.Context) (unread, error) {
	states, err := s.log.Sources().List(ctx)
	if err != nil {
		return unread{}, err
	}
	now := time.Now()
	topics, err := s.brokers.topics(ctx)
	if err != nil {
		return unread{}, fmt.Errorf("%w: %w", errBrokers, err)
	}
	read := make(map[partition]events.SourceState, len(states))
	for _, state := range states {
		read[partition{state.Topic, state.Partition}] = state
	}
	u := unread{lags: make(map[partition]int64), stalled: make(map[string]time.Duration)}
	nexts := make(map[partition]int64)
	for _, name := range s.names {
		topic, ok := topics[name]
		if !ok {
			u.missing = append(u.missing, name)
			continue
		}
		for number, has := range topic.Partitions {
			p, next := partition{name, number}, has.Start
			if state, ok := read[p]; ok && state.TopicID == topic.ID {
				next = max(next, state.Next)
			}
			u.lags[p], nexts[p] = max(has.End-next, 0), next
		}
	}
	s.stand(now, &u, nexts)
	return u, nil
}

// stand notes since when partitions stand where they are.
func (s *sources) stand(now time.Time, u *unread, nexts map[partition]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.standing
	s.standing = make(map[partition]standing)
	for p, lag := range u.lags {
		longest := u.stalled[p.topic] // 0 for a topic of which all has been read
		if lag > 0 {
			at := standing{nexts[p], now}
			if was, ok := before[p]; ok && was.next == at.next {
				at.since = was.since
			}
			s.standing[p] = at
			if d := now.Sub(at.since); d > longest {
				longest = d
				if d > u.stalled[u.worst.topic] {
					u.worst = p
				}
			}
		}
		u.stalled[p.topic] = longest
	}
}

// err returns why what was seen is not what it should be.
func (u unread) err() error {
	if len(u.missing) > 0 {
		return fmt.Errorf("topic %q is not on the brokers; what was produced to it and not read is lost: create it anew", u.missing[0])
	}
	if d := u.stalled[u.worst.topic]; d > tolerated {
		return fmt.Errorf("%d records of %s/%d wait, and none has been read for %v", u.lags[u.worst], u.worst.topic, u.worst.number, d.Round(time.Second))
	}
	return nil
}

// export exports how far the topics have been read.
func (s *sources) export(ctx context.Context, to sink) {
	u, err := s.look(ctx)
	if err == nil || errors.Is(err, errBrokers) {
		to.connected("kafka", err)
	}
	if err != nil {
		return
	}
	const missing = "1 where the brokers do not have the topic, else 0."
	for _, name := range u.missing {
		to.gauge("jangbu_source_topic_missing", missing, 1, prometheus.Labels{"topic": name})
	}
	for topic, d := range u.stalled {
		to.gauge("jangbu_source_topic_missing", missing, 0, prometheus.Labels{"topic": topic})
		to.gauge("jangbu_source_stalled_seconds", "For how long none was read of a partition that has records to read; the longest of the topic's.", d.Seconds(), prometheus.Labels{"topic": topic})
	}
	more := make(map[string]int64)
	const lag = "Records of a partition that have not been read; the ends of Kafka transactions count too."
	for p, n := range u.lags {
		if p.number >= maxPartitions {
			more[p.topic] += n
			continue
		}
		to.gauge("jangbu_source_lag_records", lag, float64(n), prometheus.Labels{"topic": p.topic, "partition": strconv.Itoa(int(p.number))})
	}
	for topic, n := range more {
		to.gauge("jangbu_source_lag_records", lag, float64(n), prometheus.Labels{"topic": topic, "partition": "more"})
	}
}
