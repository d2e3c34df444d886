package pglog_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"jangbu/events"
	"jangbu/events/eventstest/services"
)

// TestLostAnswerToCommit loses the server's answer to a COMMIT: the append fails and is in the log,
// and when it is repeated every event is a duplicate (I1, I4).
func TestLostAnswerToCommit(t *testing.T) {
	t.Parallel()
	database := services.Database(t)
	straight := open(t, database)
	cut := &committing{}
	log := open(t, cut.before(t, database))
	mustAppend(t, log, drafts("before", 0, 2))

	cut.armed.Store(true)
	if receipt, err := log.Append(t.Context(), drafts("lost", 0, 3)); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Fatalf("Append() = %+v, %v, want the end of the connection", receipt, err)
	}
	if cut.armed.Load() {
		t.Fatal("no COMMIT was seen")
	}
	if n := len(mustRead(t, straight)); n != 5 {
		t.Fatalf("the log has %d events, want the 5 that were committed", n)
	}
	for i, o := range mustAppend(t, log, drafts("lost", 0, 4)) {
		if want := map[bool]events.Outcome{true: events.Duplicate, false: events.Appended}[i < 3]; o != want {
			t.Errorf("event %d is %v, want %v", i, o, want)
		}
	}
	if n := len(mustRead(t, straight)); n != 6 {
		t.Errorf("the log has %d events, want 6", n)
	}
}

// committing is a proxy that, once armed, ends a connection in the place of the server's answer to
// a COMMIT.
type committing struct{ armed atomic.Bool }

// before returns the URL of the proxy before a database.
func (c *committing) before(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			go c.pass(client, server)
		}
	}()
	u.Host = l.Addr().String()
	return u.String()
}

func (c *committing) pass(client net.Conn, server string) {
	defer func() { _ = client.Close() }()
	to, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	go func() {
		defer func() { _ = to.Close() }()
		_, _ = io.Copy(to, client) // until either ends
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := to.Read(buffer)
		if err != nil || bytes.Contains(buffer[:n], []byte("COMMIT\x00")) && c.armed.CompareAndSwap(true, false) {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
