package tokens_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/cmd/jangbu/tokens"
	"jangbu/events"
	"jangbu/events/sqlitelog"
	"jangbu/httpapi/auth"
)

// lines is a log in memory.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestRightsWithoutTheirKey: a process without the key of a subject's hash refuses the tokens of
// all persons that were issued before, says so in one line, and looks for the key until it is
// there (I10, I12).
func TestRightsWithoutTheirKey(t *testing.T) {
	t.Parallel()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	out := new(lines)
	logger := slog.New(slog.NewTextHandler(out, nil))
	secret := auth.Secret{Text: bytes.Repeat([]byte("s"), auth.MinSecretBytes)}
	verifier, err := auth.New(t.Context(), auth.Config{Secrets: []auth.Secret{secret}, Issuer: "i", Audience: "a", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	defer verifier.Close()
	// refused returns why a token is refused that was issued a minute ago; "" where it is not.
	refused := func(subject string) string {
		t.Helper()
		issued := time.Now().Add(-time.Minute)
		token, err := auth.Identity{Subject: subject, Role: auth.Owner, Shops: []events.Shop{"s"}}.Sign(secret, "i", "a", issued, issued.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if _, err := verifier.Authenticate(r); err != nil {
			return err.Error()
		}
		return ""
	}
	const kim, lee = "kim@example.com", "010-1234-5678"
	key := events.NewSubjectKey([32]byte{1})
	subject, err := key.Subject(kim)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Rights().Withdraw(t.Context(), events.WithdrawnRight{Subject: subject, Who: "me@here", Why: "test"}); err != nil {
		t.Fatal(err)
	}
	var now atomic.Pointer[events.SubjectKey]
	now.Store(new(events.SubjectKey))
	rights := tokens.Rights{
		Log: log, Verifier: verifier, MaxLife: time.Hour, Logger: logger,
		Key: func() (events.SubjectKey, error) { return *now.Load(), nil },
	}
	stopped := make(chan struct{})
	watch, err := rights.Watch(t.Context(), stopped)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- watch() }()
	for _, name := range []string{kim, lee} {
		if got := refused(name); !strings.Contains(got, "under a key that this process does not have") {
			t.Errorf("%s is refused for %q", name, got)
		}
	}
	if got := refused("park"); got != "" {
		t.Errorf("a subject that identifies no person is refused for %q", got)
	}
	now.Store(&key)
	for deadline := time.Now().Add(30 * time.Second); refused(lee) != ""; {
		if time.Now().After(deadline) {
			t.Fatalf("the key is there, and another person is refused still; the log: %s", out)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
	if got := refused(kim); got != "sub: its rights were withdrawn" {
		t.Errorf("with the key, the person is refused for %q", got)
	}
	close(stopped)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	text := out.String()
	if strings.Count(text, "does not have") != 1 || strings.Count(text, "can be told") != 1 || !strings.Contains(text, "--cache-key-file") ||
		strings.Contains(text, "kim@") || strings.Contains(text, "1234") {
		t.Errorf("the log: %s", text)
	}
	// A key that cannot be read ends the start.
	rights.Key = func() (events.SubjectKey, error) { return events.SubjectKey{}, errors.New("mode 0644") }
	if _, err := rights.Watch(context.WithoutCancel(t.Context()), stopped); err == nil || !strings.Contains(err.Error(), "mode 0644") {
		t.Errorf("Watch: %v", err)
	}
}
