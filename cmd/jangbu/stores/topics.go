package stores

import "jangbu/events"

// TopicConfig is the flags that name the topics.
type TopicConfig struct {
	TopicEventCreated          string `env:"JANGBU_TOPIC_EVENT_CREATED" default:"event-created" placeholder:"TOPIC" help:"Topic of EventCreated (${default})."`
	TopicParticipantRegistered string `env:"JANGBU_TOPIC_PARTICIPANT_REGISTERED" default:"participant-registered" placeholder:"TOPIC" help:"Topic of ParticipantRegistered (${default})."`
	TopicDistributionCompleted string `env:"JANGBU_TOPIC_DISTRIBUTION_COMPLETED" default:"distribution-completed" placeholder:"TOPIC" help:"Topic of DistributionCompleted (${default})."`
	TopicChannelStatsFetched   string `env:"JANGBU_TOPIC_CHANNEL_STATS_FETCHED" default:"channel-stats-fetched" placeholder:"TOPIC" help:"Topic of ChannelStatsFetched (${default})."`
}

// Topics returns the topic of each type.
func (c TopicConfig) Topics() map[events.Type]string {
	return map[events.Type]string{
		events.TypeEventCreated:          c.TopicEventCreated,
		events.TypeParticipantRegistered: c.TopicParticipantRegistered,
		events.TypeDistributionCompleted: c.TopicDistributionCompleted,
		events.TypeChannelStatsFetched:   c.TopicChannelStatsFetched,
	}
}

// Check reports each flag that is wrong.
func (c TopicConfig) Check(wrong func(flag, format string, args ...any)) {
	seen := make(map[string]bool)
	for t, topic := range c.Topics() {
		switch {
		case topic == "":
			wrong("topic", "the topic of %s has no name", t)
		case seen[topic]:
			wrong("topic", "%q is given to two types", topic)
		}
		seen[topic] = true
	}
}

// DefaultTopics returns the default values of the flags.
func DefaultTopics() TopicConfig {
	return TopicConfig{"event-created", "participant-registered", "distribution-completed", "channel-stats-fetched"}
}

// TopicNames returns the topics in the order of the types.
func (c TopicConfig) TopicNames() []string {
	topics := c.Topics()
	names := make([]string, 0, len(topics))
	for _, t := range events.Types() {
		names = append(names, topics[t])
	}
	return names
}
