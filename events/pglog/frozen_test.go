package pglog_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
	"jangbu/events/postgres"
)

// TestFrozenWriter freezes a writer between its last statement and COMMIT: the
// server must release its lock on the head row and roll its append back.
func TestFrozenWriter(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	direct := services.Database(t)
	relay := newRelay(t, direct)
	frozen, other := openWith(t, relay.url, pglog.Options{Limits: postgres.Limits{Silence: 300 * time.Millisecond}}), open(t, direct)

	// The first append of a handle sends its statements' texts, which the relay looks for.
	mustAppend(t, other, drafts("before", 0, 3))
	relay.armed.Store(true)
	failed := make(chan error, 1)
	go func() {
		_, err := frozen.Append(ctx, drafts("frozen", 0, 5))
		failed <- err
	}()
	select {
	case <-relay.froze:
	case <-ctx.Done():
		t.Fatal("the append never came to its COMMIT")
	}
	if _, err := other.Append(ctx, drafts("other", 0, 4)); err != nil {
		t.Fatalf("an append beside a frozen writer: %v", err)
	}
	if n := len(mustRead(t, other)); n != 7 {
		t.Errorf("read %d events, want 7", n)
	}
	if err := <-failed; err == nil {
		t.Error("the frozen append succeeded")
	}
	for _, o := range mustAppend(t, other, drafts("frozen", 0, 5)) {
		if o != events.Appended {
			t.Errorf("outcome %v of an event whose first append was never committed", o)
		}
	}
}

// TestServerVanishes drops all packets between a log and its server: every write ends at its
// deadline, and is repeated without harm.
func TestServerVanishes(t *testing.T) {
	t.Parallel()
	direct := services.Database(t)
	relay := newRelay(t, direct)
	log, other := openWith(t, relay.url, pglog.Options{Limits: postgres.Limits{Deadline: time.Second}}), open(t, direct)
	mustAppend(t, log, drafts("before", 0, 3))
	relay.gone.Store(true)
	letters := []events.DeadLetter{{ID: events.ID{1}, Topic: "topic", Timestamp: time.Unix(0, 0), Reason: events.ReasonMalformed, BuriedAt: time.Unix(0, 0), Sealed: []byte("sealed")}}
	for name, write := range map[string]func(*pglog.Log) error{
		"Append":  func(l *pglog.Log) error { _, err := l.Append(t.Context(), drafts("lost", 0, 5)); return err },
		"Bury":    func(l *pglog.Log) error { return l.DeadLetters().Bury(t.Context(), letters) },
		"Restore": func(l *pglog.Log) error { return l.Restore(t.Context(), mustRead(t, other)[:3], 0) },
	} {
		start := time.Now()
		if err := write(log); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s to a server that is gone: %v, want its deadline", name, err)
		}
		if took := time.Since(start); took > patience {
			t.Errorf("%s to a server that is gone took %v", name, took)
		}
		if err := write(other); err != nil {
			t.Errorf("%s by another process: %v", name, err)
		}
	}
	if n := len(mustRead(t, other)); n != 8 {
		t.Errorf("the log holds %d events, want 8", n)
	}
}

// relay forwards bytes to the server until, once armed, a client sends COMMIT. Once gone, it
// drops the bytes of both.
type relay struct {
	url         string
	armed, gone atomic.Bool
	froze       chan struct{}
}

func newRelay(t *testing.T, direct string) *relay {
	t.Helper()
	config, err := pgx.ParseConfig(direct)
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	query := address.Query()
	query.Del("host")
	address.Host, address.RawQuery = listener.Addr().String(), query.Encode()
	r := &relay{url: address.String(), froze: make(chan struct{})}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			network, server := pgconn.NetworkAddress(config.Host, config.Port)
			upstream, err := net.Dial(network, server)
			if err != nil {
				_ = client.Close()
				return
			}
			t.Cleanup(func() { _ = errors.Join(client.Close(), upstream.Close()) })
			go r.pass(upstream, client)
			go r.pass(client, upstream)
		}
	}()
	return r
}

func (r *relay) pass(from io.Reader, to io.Writer) {
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if r.gone.Load() {
			continue
		}
		if bytes.Contains(buf[:n], []byte("COMMIT")) && r.armed.CompareAndSwap(true, false) {
			close(r.froze)
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
