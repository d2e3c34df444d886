package service

import (
	"context"
	"fmt"
	"time"

	"jangbu/cmd/jangbu/health"
	"jangbu/httpapi"
	"jangbu/httpapi/accesslog"
	"jangbu/httpapi/auth"
	"jangbu/projections"
	"jangbu/projections/replay"
)

// startAPI starts the read API.
func (s *Service) startAPI(ctx context.Context) error {
	location, err := s.cfg.Location()
	if err != nil {
		return err
	}
	var verifier *auth.Verifier
	err = s.await(ctx, "token keys", func(ctx context.Context) (err error) {
		verifier, err = s.cfg.start(ctx, s.logger)
		return err
	})
	if err != nil {
		return fmt.Errorf("start read API: %w", err)
	}
	if verifier != nil {
		s.onClose(func() error { verifier.Close(); return nil })
		watch := func(ctx context.Context) error { return s.watchRights(ctx, verifier) }
		if err := s.await(ctx, "rights", watch); err != nil {
			return fmt.Errorf("start read API: %w", err)
		}
	}
	if err := s.startAccessLog(); err != nil {
		return fmt.Errorf("start read API: %w", err)
	}
	own, err := openCertificate(s.cfg.TLSCertFile, s.cfg.TLSKeyFile, s.logger)
	if err != nil {
		return fmt.Errorf("start read API: %w", err)
	}
	login, token := s.cfg.door(func(string, string, ...any) {}) // it has been validated
	proxies, err := s.cfg.proxies()
	if err != nil {
		return err
	}
	handler, err := httpapi.New(httpapi.Config{
		Reader: s.cache, Freshness: s.cache, Last: s.cache, Liveness: &health.Liveness{Log: s.log, Rows: s.rows},
		History: &replay.History{Log: s.log, Projections: projections.All(), Snapshots: s.rows, Logger: s.logger}, Evidence: replay.Evidence{Log: s.log},
		Auth: verifier, LoginURL: login, TokenURL: token, BasePath: s.cfg.base(), Origins: s.cfg.CORSOrigins, Cookies: s.cfg.TokenCookie != "", Now: time.Now, Location: location,
		PollInterval: s.cfg.Schedule().Interval, PollAfterEnd: s.cfg.Schedule().AfterEnd, Limits: s.cfg.limits(), TrustedProxies: proxies,
		Middleware: s.tracing.Requests(), Observe: s.observe, Draining: s.draining, Logger: s.logger,
	})
	if err != nil {
		return err
	}
	s.api, s.httpAddr, err = s.listen(ctx, s.cfg.HTTPAddr, handler, own)
	if err != nil {
		return fmt.Errorf("start read API: %w", err)
	}
	who := "by token"
	if verifier == nil {
		who = "for anybody on this machine"
	}
	scheme := "http://"
	if own != nil {
		scheme = "https://"
	}
	s.line("api", scheme+s.httpAddr+s.cfg.base(), who)
	return nil
}

// observe logs a request that has been answered, or a stream that has begun, and counts it once.
func (s *Service) observe(o httpapi.Observation) {
	if s.accesses != nil {
		s.accesses.Observe(o)
	}
	if o.Phase == httpapi.StreamBegun {
		return
	}
	s.requests.Observe(o)
	if o.Kept {
		s.kept.Add(1)
	}
}

// startAccessLog opens the access log, unless it is off.
func (s *Service) startAccessLog() error {
	switch s.cfg.AccessLog {
	case "off":
		return nil
	case "stdout":
		s.accesses = accesslog.New(s.cfg.Stdout, s.logger)
	default:
		file, err := accesslog.OpenFile(s.cfg.AccessLog, s.logger)
		if err != nil {
			return err
		}
		s.onClose(file.Close)
		s.accesses = accesslog.New(file, s.logger)
	}
	s.onClose(s.accesses.Close)
	return nil
}
