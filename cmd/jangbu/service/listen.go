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
func (s *Service) listen(ctx context.Context, addr string, h http.Handler, own *certificate) (*http.Server, string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	serve := server.Serve
	if own != nil {
		server.TLSConfig = own.config()
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	s.group.Go(func() error {
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve http: %w", err)
		}
		return nil
	})
	return server, l.Addr().String(), nil
}

// shut ends a server once its requests are answered. When the grace is over it closes the
// connections that are left, which is no error: a client may keep one and send nothing.
func (s *Service) shut(grace context.Context, server *http.Server) error {
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		s.logger.WarnContext(grace, "http: connections were cut off")
		return server.Close()
	}
	return err
}
