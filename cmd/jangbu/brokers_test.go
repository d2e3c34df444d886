package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/sqlitelog"
)

// TestCommandsOfSecureBrokers: commands beside the service reach brokers by the same flags, and
// tell no password.
func TestCommandsOfSecureBrokers(t *testing.T) {
	t.Parallel()
	broker := services.KafkaTLS(t)
	const right, wrong = "simulated-5ecret", "wr0ng-5ecret"
	user, _ := broker.ScramUser(t, right)
	dir := t.TempDir()
	secret := func(text string) string {
		path := filepath.Join(dir, text)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var topics []string
	for _, name := range []string{"event-created", "participant-registered", "distribution-completed", "channel-stats-fetched"} {
		topics = append(topics, "--topic-"+name, services.Topic(t, broker.Plain, name))
	}
	as := func(password string) []string {
		return []string{
			"--kafka-brokers", broker.SASL, "--kafka-tls", "--kafka-tls-ca-file", broker.CAFile,
			"--kafka-sasl", "scram-sha-256", "--kafka-sasl-username", user, "--kafka-sasl-password-file", secret(password),
		}
	}
	simulate := slices.Concat([]string{"simulate", "--events", "20", "--campaigns", "2"}, topics)
	if out, complaint, code := command(t, slices.Concat(simulate, as(right))...); code != cli.ExitDone {
		t.Fatalf("simulate exits with %d: %s%s", code, out, complaint)
	}
	out, complaint, code := command(t, slices.Concat(simulate, as(wrong))...)
	if code != cli.ExitFailed || !strings.Contains(complaint, "invalid credentials") || strings.Contains(out+complaint, wrong) {
		t.Errorf("with a wrong password simulate exits with %d: %s%s", code, out, complaint)
	}

	created := topics[1]
	log, err := sqlitelog.Open(t.Context(), filepath.Join(dir, "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	known, err := kafka.Describe(t.Context(), kafka.Config{Brokers: []string{broker.Plain}}, created)
	if err != nil {
		t.Fatal(err)
	}
	_, err = log.Append(t.Context(), nil, events.Reading{Source: events.Source{Topic: created, TopicID: known[created].ID, Partition: 0}})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	var shown struct {
		Sources []struct{ End *int64 }
	}
	out, complaint, code = command(t, append([]string{"sources", "--json", "--data-dir", dir}, as(right)...)...)
	if err := json.Unmarshal([]byte(out), &shown); err != nil || code != cli.ExitDone || len(shown.Sources) != 1 || shown.Sources[0].End == nil {
		t.Errorf("sources exits with %d: %s%s", code, out, complaint)
	}
	out, complaint, code = command(t, append([]string{"sources", "--json", "--data-dir", dir}, as(wrong)...)...)
	if code != cli.ExitDone || !strings.Contains(complaint, "not known") || strings.Contains(out+complaint, wrong) {
		t.Errorf("with a wrong password sources exits with %d: %s%s", code, out, complaint)
	}
}
