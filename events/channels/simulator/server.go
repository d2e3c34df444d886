package simulator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// server is a running HTTP/1.1 server behind a gate.
type server struct {
	gate   *gate
	http   *http.Server
	cancel context.CancelFunc
	served chan struct{}
}

// connKey is the context key of a request's [conn].
type connKey struct{}

// listen listens on a free port of this machine.
func listen(ctx context.Context) (*gate, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return newGate(l.(*net.TCPListener)), nil
}

// serve serves on the gate until close, with TLS where secure is not nil. The caller sets
// the timeouts of h, except for that of a head.
func serve(ctx context.Context, g *gate, h *http.Server, secure *tls.Config, logger *slog.Logger) *server {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h.ReadHeaderTimeout = 5 * time.Second // and the TLS handshake's
	h.IdleTimeout = time.Minute
	h.MaxHeaderBytes = 16 << 10
	h.Protocols = new(http.Protocols)
	h.Protocols.SetHTTP1(true)
	h.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelDebug)
	h.BaseContext = func(net.Listener) context.Context { return ctx }
	h.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, below(nc))
	}
	h.ConnState = g.connState
	var l net.Listener = g
	if secure != nil {
		l = tls.NewListener(g, secure)
	}
	s := &server{gate: g, http: h, cancel: cancel, served: make(chan struct{})}
	go func() {
		defer close(s.served)
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			logger.ErrorContext(ctx, "simulated channel API has stopped", slog.Any("error", err))
		}
	}()
	return s
}

// close stops the server and waits for its handlers.
func (s *server) close() error {
	s.cancel()
	err := s.http.Close() // closes the gate too
	<-s.served
	s.gate.drain()
	if err != nil {
		return fmt.Errorf("close simulated channel API: %w", err)
	}
	return nil
}

// connOf returns the connection that brought a request.
func connOf(r *http.Request) *conn { return r.Context().Value(connKey{}).(*conn) }
