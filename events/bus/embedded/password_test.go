package embedded_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"jangbu/events/bus/embedded"
)

// TestPassword: with a password the broker lets in its user alone, by the password of its last
// start, whatever was stored by an earlier one.
func TestPassword(t *testing.T) {
	t.Parallel()
	const first, second = "the-first-password", "another-password"
	dir := t.TempDir()
	users := func(password string) map[string]sasl.Mechanism {
		return map[string]sasl.Mechanism{
			"SCRAM-SHA-256": scram.Auth{User: embedded.User, Pass: password}.AsSha256Mechanism(),
			"SCRAM-SHA-512": scram.Auth{User: embedded.User, Pass: password}.AsSha512Mechanism(),
		}
	}
	strangers := map[string]sasl.Mechanism{
		"no user":                     nil,
		"another user":                scram.Auth{User: "admin", Pass: "admin"}.AsSha256Mechanism(),
		"no password":                 scram.Auth{User: embedded.User}.AsSha256Mechanism(),
		"a plain password":            plain.Auth{User: embedded.User, Pass: second}.AsMechanism(),
		"another user, no password":   plain.Auth{User: "anyone"}.AsMechanism(),
		"one that an open broker had": scram.Auth{User: "mallory", Pass: "of mallory"}.AsSha256Mechanism(),
	}
	asks := func(b *embedded.Broker, as sasl.Mechanism) error {
		opts := []kgo.Opt{kgo.RequestRetries(0), kgo.RetryTimeout(2 * time.Second)}
		if as != nil {
			opts = append(opts, kgo.SASL(as))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := kadm.NewClient(newClient(t, b.Addr(), opts...)).ListTopics(ctx)
		return err
	}

	open := start(t, embedded.Config{DataDir: dir, Topics: []string{"topic"}})
	added, err := admin(t, open.Addr()).AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{{
		User: "mallory", Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "of mallory",
	}})
	if err != nil || added.Error() != nil {
		t.Fatalf("add a user to the open broker: %v, %v", err, added.Error())
	}
	open.Close()
	for _, password := range []string{first, second} {
		b := start(t, embedded.Config{DataDir: dir, Topics: []string{"topic"}, Password: password})
		for name, as := range users(password) {
			if err := asks(b, as); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, as := range strangers {
			if asks(b, as) == nil {
				t.Errorf("let in: %s", name)
			}
		}
		if password == second {
			for name, as := range users(first) {
				if asks(b, as) == nil {
					t.Errorf("let in by the password of an earlier start: %s", name)
				}
			}
		}
		b.Close()
	}
	if err := asks(start(t, embedded.Config{DataDir: dir}), nil); err != nil {
		t.Errorf("without a password again: %v", err)
	}
}

func TestPasswordsAreChecked(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"short", "has a space in it", "비밀번호입니다비밀번호", "tab\tin the middle!"} {
		b, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", Password: password})
		if err == nil {
			b.Close()
			t.Errorf("%q: no error", password)
		} else if strings.Contains(err.Error(), password) {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}
