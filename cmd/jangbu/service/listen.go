package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// listen serves HTTP at an address, or HTTPS with a certificate, and returns the address that
// was bound.
func (s *Service) listen(ctx context.Context, addr string, h http.Handler, own *certificate) (*server, string, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // refuseNew cannot be done to such a listener
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, "", err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok { // cannot be: it listens on "tcp"
		return nil, "", errors.Join(fmt.Errorf("listen: a %T", l), l.Close())
	}
	server := &server{gate: newGate(tcp), Server: &http.Server{
		Handler:           s.closing(h),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    96 << 10, // a token that names 1,000 shops has up to 64 KB
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}}
	server.ConnState = server.busy.note
	serve := server.Serve
	if own != nil {
		server.TLSConfig = own.config()
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	s.group.Go(func() error {
		if err := serve(server.gate); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve http: %w", err)
		}
		return nil
	})
	return server, l.Addr().String(), nil
}
