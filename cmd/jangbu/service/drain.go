package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxDrain bounds the drain: what runs the process kills it at last.
	maxDrain = 10 * time.Minute
	// quietFor is how long no connection may have waited to be accepted before a listener
	// is closed: longer than a client takes to answer a handshake. quietWithin bounds the
	// waiting for that.
	quietFor    = 50 * time.Millisecond
	quietWithin = 500 * time.Millisecond
	// busyEvery is how often a server that stops looks whether it has requests.
	busyEvery = 2 * time.Millisecond
)

// drain has load balancers turn away for a while during which the API goes on: /readyz says
// that the process stops, and each response closes its connection, so that no client sends a
// request to a connection that is about to be closed.
func (s *Service) drain() {
	close(s.leaving)
	if !s.started || s.api == nil || s.cfg.Drain <= 0 {
		return
	}
	s.logger.Info("http: stops after it has been drained", slog.Duration("drain", s.cfg.Drain))
	select {
	case <-time.After(s.cfg.Drain):
	case <-s.failed: // a part is not there to serve with
	}
}

// closing returns h, whose responses close their connections once the process is about to stop.
func (s *Service) closing(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-s.leaving:
			w.Header().Set("Connection", "close")
		default:
		}
		h.ServeHTTP(w, r)
	})
}

// gate is a listener that can stop without resetting connections: those that the kernel has
// established, but the server has not accepted, would be reset by a close.
type gate struct {
	*net.TCPListener
	stops  atomic.Bool
	quiet  chan struct{} // closed once no connection waits
	closed chan struct{}
	once   struct{ quiet, closed sync.Once }
}

func newGate(l *net.TCPListener) *gate {
	return &gate{TCPListener: l, quiet: make(chan struct{}), closed: make(chan struct{})}
}

// Accept implements [net.Listener].
func (g *gate) Accept() (net.Conn, error) {
	for {
		stops := g.stops.Load()
		if stops {
			if err := g.SetDeadline(time.Now().Add(quietFor)); err != nil {
				return nil, err
			}
		}
		conn, err := g.TCPListener.Accept()
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return conn, err
		case stops:
			_ = g.TCPListener.Close()
			g.once.quiet.Do(func() { close(g.quiet) })
			<-g.closed // the server expects an error after it has closed the listener, and no earlier
			return nil, net.ErrClosed
		}
	}
}

// stop returns once no connection waits to be accepted, and none can be made. Its error says
// that the kernel may have reset some.
func (g *gate) stop() error {
	err := refuseNew(g.TCPListener)
	g.stops.Store(true)
	_ = g.SetDeadline(time.Now()) // wakes Accept
	select {
	case <-g.quiet:
	case <-time.After(quietWithin): // clients that never stop; the kernel resets those that wait
		_ = g.TCPListener.Close()
	}
	return err
}

// Close implements [net.Listener].
func (g *gate) Close() error {
	g.once.closed.Do(func() { close(g.closed) })
	if err := g.TCPListener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// server is a server behind its gate.
type server struct {
	*http.Server
	gate *gate
	busy busy
}

// busy are the connections of a server that have a request, or may be about to send their first.
// A server that shuts down answers no request that it reads later. It is safe for concurrent use.
type busy struct {
	mu sync.Mutex
	of map[net.Conn]http.ConnState // guarded by mu
}

// note is the server's ConnState hook.
func (b *busy) note(c net.Conn, state http.ConnState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch state {
	case http.StateNew, http.StateActive:
		if b.of == nil {
			b.of = make(map[net.Conn]http.ConnState)
		}
		b.of[c] = state
	case http.StateIdle, http.StateHijacked, http.StateClosed:
		delete(b.of, c)
	}
}

// count returns how many connections have a request, and how many have not sent one yet.
func (b *busy) count() (active, fresh int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, state := range b.of {
		if state == http.StateActive {
			active++
		} else {
			fresh++
		}
	}
	return active, fresh
}

// wait returns once no connection is busy, or ctx ends. It waits for a first request only as
// long as for a listener to be quiet.
func (b *busy) wait(ctx context.Context) {
	tick := time.NewTicker(busyEvery)
	defer tick.Stop()
	for begun := time.Now(); ; {
		if active, fresh := b.count(); active == 0 && (fresh == 0 || time.Since(begun) > quietWithin) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// shut ends a server once its requests are answered. When the grace is over it closes the
// connections that are left, which is no error: a client may keep one and send nothing.
func (s *Service) shut(grace context.Context, server *server) error {
	if err := server.gate.stop(); err != nil {
		s.logger.WarnContext(grace, "http: clients that go on connecting can be reset", slog.Any("error", err))
	}
	server.busy.wait(grace)
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		s.logger.WarnContext(grace, "http: connections were cut off")
		return server.Close()
	}
	return err
}
