package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"jangbu/httpapi"
	"jangbu/projections"
	"jangbu/projections/replay"
)

func (s *Service) startHTTP(ctx context.Context) error {
	if s.cfg.does(roleAPI) {
		location, err := time.LoadLocation(s.cfg.TZ)
		if err != nil {
			return err
		}
		auth, err := s.cfg.start(ctx, s.logger)
		if err != nil {
			return fmt.Errorf("start read API: %w", err)
		}
		if auth != nil {
			s.onClose(func() error { auth.Close(); return nil })
		}
		handler, err := httpapi.New(httpapi.Config{
			Reader: s.cache, Freshness: s.cache, History: replay.History{Log: s.log, Projections: projections.All()},
			Auth: auth, Now: time.Now, Location: location,
			PollInterval: s.cfg.Schedule().Interval, Limits: s.cfg.limits(),
			Middleware: s.tracing.requests(), Observe: s.observe, Draining: s.draining, Logger: s.logger,
		})
		if err != nil {
			return err
		}
		s.api, s.httpAddr, err = s.listen(ctx, s.cfg.HTTPAddr, handler)
		if err != nil {
			return fmt.Errorf("start read API: %w", err)
		}
		who := "by token"
		if auth == nil {
			who = "for anybody on this machine"
		}
		s.line("api", "http://"+s.httpAddr, who)
	}
	operators, err := s.adminHandler()
	if err != nil {
		return err
	}
	admin, addr, err := s.listen(ctx, s.cfg.AdminAddr, operators)
	if err != nil {
		return fmt.Errorf("start admin listener: %w", err)
	}
	s.admin, s.adminURL = admin, "http://"+addr
	s.line("admin", s.adminURL+"/metrics", "")
	return nil
}

// observe notes a request that has been answered.
func (s *Service) observe(o httpapi.Observation) {
	s.requests.observe(o)
	if o.Kept {
		s.kept.Add(1)
	}
}

func (s *Service) listen(ctx context.Context, addr string, h http.Handler) (*http.Server, string, error) {
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
	s.group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve http: %w", err)
		}
		return nil
	})
	return server, l.Addr().String(), nil
}

// shut answers what was asked, and then cuts off who is still there: a client that
// keeps a connection and says nothing is no failure of the service.
func (s *Service) shut(grace context.Context, server *http.Server) error {
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		s.logger.WarnContext(grace, "http: connections were cut off")
		return server.Close()
	}
	return err
}

// ready checks every part of this process.
func (s *Service) ready(ctx context.Context) []httpapi.Part {
	_, err := s.log.Totals(ctx)
	parts := []httpapi.Part{{Name: "log", Err: err}}
	_, err = s.rows.Revision(ctx)
	parts = append(parts, httpapi.Part{Name: "rows", Err: err})
	if s.cfg.does(roleIngest) {
		parts = append(parts, httpapi.Part{Name: "ingest"}) // it ends the process where it cannot run
	}
	if s.runner != nil {
		parts = append(parts, httpapi.Part{Name: "project", Err: s.runner.Status().LastError})
	}
	return parts
}
