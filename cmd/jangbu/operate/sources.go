package operate

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"jangbu/cmd/jangbu/brokers"
	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/kafka"
)

// SourcesCommand shows how far the topics' partitions have been read.
type SourcesCommand struct {
	stores.Config
	cli.ZoneConfig
	KafkaBrokers []string `env:"JANGBU_KAFKA_BROKERS" placeholder:"HOST:PORT,…" help:"Brokers to ask where partitions end. Without any, 127.0.0.1:9092, where a service that runs embedded has its own."`
	brokers.ClientConfig
	JSON bool `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (SourcesCommand) Help() string {
	return `A source is a partition of a Kafka topic that is read. The log keeps where each goes on,
written together with what was read. "end" is the offset that the partition's next record
gets, and "lag" how many lie between; both are "-" where no broker can be asked, or where
the topic was made anew since it was read. The ends of Kafka transactions take offsets too,
so a lag may be a few too high.

"gaps" counts how often a source could not go on where the log ended: the topic had been
made anew, retention had passed records before they were read, or brokers had lost the
partition's end. "lost" is how many records were not read, at most.

Examples:
  jangbu sources
  jangbu sources --kafka-brokers kafka-1:9092,kafka-2:9092 --database-url postgres://…
  jangbu sources --json`
}

// brokerTimeout bounds how long brokers are asked.
const brokerTimeout = 5 * time.Second

// sourcesShown is the sources as JSON.
type sourcesShown struct {
	Sources []sourceShown `json:"sources"`
	Gaps    int64         `json:"gaps"`
	Lost    int64         `json:"lost"`
}

type sourceShown struct {
	Topic     string     `json:"topic"`
	TopicID   string     `json:"topicId"`
	Partition int32      `json:"partition"`
	Next      int64      `json:"next"`
	End       *int64     `json:"end"`
	Lag       *int64     `json:"lag"`
	ReadAt    time.Time  `json:"readAt"`
	Gaps      int64      `json:"gaps"`
	Lost      int64      `json:"lost"`
	GapAt     *time.Time `json:"gapAt,omitempty"`
}

// Run prints the sources.
func (c SourcesCommand) Run(ctx context.Context, t cli.Terminal) error {
	times, err := c.Times()
	if err != nil {
		return err
	}
	var wrong cli.Problems
	c.ClientConfig.Check(c.KafkaBrokers, wrong.Add)
	if err := wrong.Err(); err != nil {
		return err
	}
	return c.ReadLog(ctx, func(log events.Log) error {
		states, err := log.Sources().List(ctx)
		if err != nil {
			return err
		}
		topics, err := c.topics(ctx, states)
		if err != nil {
			t.Warnf("jangbu: where partitions end is not known: %v", err)
		}
		shown := show(states, topics)
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(shown)
		}
		shown.print(t, times)
		return nil
	})
}

// topics asks the brokers. Without configured ones it is no error that none is there.
func (c SourcesCommand) topics(ctx context.Context, states []events.SourceState) (map[string]kafka.Topic, error) {
	var names []string
	for _, s := range states { // sorted by topic
		if n := len(names); n == 0 || names[n-1] != s.Topic {
			names = append(names, s.Topic)
		}
	}
	at := c.KafkaBrokers
	if len(at) == 0 {
		at = []string{"127.0.0.1:9092"}
	}
	ctx, cancel := context.WithTimeout(ctx, brokerTimeout)
	defer cancel()
	topics, err := kafka.Describe(ctx, c.Kafka(at), names...)
	if err != nil && len(c.KafkaBrokers) == 0 {
		return nil, nil
	}
	return topics, err
}

func show(states []events.SourceState, topics map[string]kafka.Topic) sourcesShown {
	shown := sourcesShown{Sources: []sourceShown{}}
	for _, s := range states {
		line := sourceShown{
			Topic: s.Topic, TopicID: s.TopicID.String(), Partition: s.Partition, Next: s.Next,
			ReadAt: s.ReadAt, Gaps: s.Gaps, Lost: s.Lost,
		}
		topic := topics[s.Topic]
		if has, ok := topic.Partitions[s.Partition]; ok && topic.ID == s.TopicID {
			line.End, line.Lag = new(has.End), new(max(has.End-s.Next, 0))
		}
		if s.Gaps > 0 {
			line.GapAt = new(s.GapAt)
		}
		shown.Sources = append(shown.Sources, line)
		shown.Gaps += s.Gaps
		shown.Lost += s.Lost
	}
	return shown
}

func (s sourcesShown) print(t cli.Terminal, times cli.Times) {
	out := cli.Table{Head: []string{"topic", "read at", "partition", "next", "end", "lag", "gaps", "lost"}, Texts: 2}
	number := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return strconv.FormatInt(*n, 10)
	}
	for _, line := range s.Sources {
		out.Lines = append(out.Lines, []string{
			line.Topic, times.Format(line.ReadAt), strconv.Itoa(int(line.Partition)), number(&line.Next),
			number(line.End), number(line.Lag), number(&line.Gaps), number(&line.Lost),
		})
	}
	out.Print(t)
	if s.Gaps > 0 {
		t.Printf("gaps: %d; at most %d records were not read", s.Gaps, s.Lost)
	}
}
