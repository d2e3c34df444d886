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

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"jangbu/events"
	"jangbu/events/eventstest/services"
)

// TestFrozenWriter freezes a writer between its last statement and COMMIT: the
// server must release its lock on the head row and roll its append back.
func TestFrozenWriter(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	direct := services.Database(t)
	relay := newRelay(t, direct)
	frozen, other := open(t, relay.url), open(t, direct)

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

// relay forwards bytes to the server until, once armed, a client sends COMMIT.
type relay struct {
	url   string
	armed atomic.Bool
	froze chan struct{}
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
	query.Set("idle_in_transaction_session_timeout", "300ms") // not to wait for the usual ten seconds
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
			go func() { _, _ = io.Copy(client, upstream) }()
			go r.pass(client, upstream)
		}
	}()
	return r
}

func (r *relay) pass(client io.Reader, upstream io.Writer) {
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("COMMIT")) && r.armed.CompareAndSwap(true, false) {
			close(r.froze)
			return
		}
		if _, err := upstream.Write(buf[:n]); err != nil {
			return
		}
	}
}
