package kafka

import "github.com/IBM/sarama"

// cooperative is sarama's strategy by which a member that comes or goes moves its share of the
// partitions, while all others are read on.
type cooperative interface {
	sarama.RebalanceProtocolBalanceStrategy
	sarama.SubscriptionUserDataBalanceStrategy
	sarama.OnAssignmentBalanceStrategy
}

// strategy tells a subscription which partitions it has, before sarama waits for it to let go the
// others.
type strategy struct {
	cooperative
	sub *subscription
}

func newStrategy(sub *subscription) sarama.BalanceStrategy {
	return strategy{sarama.NewBalanceStrategyCooperativeSticky().(cooperative), sub}
}

// OnAssignment implements [sarama.OnAssignmentBalanceStrategy].
func (s strategy) OnAssignment(assignment *sarama.ConsumerGroupMemberAssignment, generation int32) {
	s.sub.give(assignment.Topics[s.sub.topic])
	s.cooperative.OnAssignment(assignment, generation)
}
