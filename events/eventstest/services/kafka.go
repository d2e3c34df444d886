package services

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Kafka returns the address of a broker of Apache Kafka. All tests share it: their topics
// are named by [Topic], their groups and transactional IDs have random names.
func Kafka(t testing.TB) string {
	t.Helper()
	broker := service(t, "JANGBU_TEST_KAFKA_BROKERS", "AGAINST APACHE KAFKA")
	conn, err := (&net.Dialer{Timeout: reach}).DialContext(t.Context(), "tcp", broker) // clients would try for ever
	if err != nil {
		t.Fatalf("JANGBU_TEST_KAFKA_BROKERS: %v", err)
	}
	_ = conn.Close()
	return broker
}

// reach is how long a broker may take to be reached.
const reach = 10 * time.Second

// Topic returns a topic's name that no other test has. The topic is deleted when the
// test ends, if it was created.
func Topic(t testing.TB, broker, name string) string {
	t.Helper()
	name += "-" + strings.ToLower(rand.Text())
	t.Cleanup(func() {
		client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(broker, ",")...))
		if err != nil {
			t.Fatalf("delete topic %s: %v", name, err)
		}
		defer client.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		_, err = kadm.NewClient(client).DeleteTopic(ctx, name)
		if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			t.Errorf("delete topic %s: %v", name, err)
		}
	})
	return name
}
