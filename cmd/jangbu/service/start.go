package service

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"jangbu/events/postgres"
	"jangbu/httpapi"
	"jangbu/httpapi/auth"
)

const (
	// attemptTime bounds one attempt to reach a part, and attemptPause is between two.
	attemptTime  = time.Minute
	attemptPause = 250 * time.Millisecond
	// patience is after how long a part that is waited for is an error in the log. It is waited
	// for nevertheless.
	patience = time.Minute
)

// errAwaited is what /readyz says of a part before the first attempt to reach it has ended.
var errAwaited = errors.New("has not answered yet")

// listenAdmin starts the listener for operators' tools, which says what the process waits for
// until it has started.
func (s *Service) listenAdmin(ctx context.Context) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	starting, err := httpapi.NewAdmin(httpapi.AdminConfig{
		Ready:   func(context.Context) []httpapi.Part { return []httpapi.Part{*s.awaited.Load()} },
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Now: time.Now, Logger: s.logger,
	})
	if err != nil {
		return err
	}
	s.awaited.Store(&httpapi.Part{Name: "process", Err: errAwaited})
	s.operators.Store(&starting)
	admin, addr, err := s.listen(ctx, s.cfg.AdminAddr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*s.operators.Load()).ServeHTTP(w, r)
	}), nil)
	if err != nil {
		return err
	}
	s.admin, s.adminURL = admin, "http://"+addr
	return nil
}

// await calls open until it succeeds, or fails for another reason than that what it needs is
// away. /readyz names the part meanwhile.
func (s *Service) await(ctx context.Context, part string, open func(context.Context) error) error {
	began, said := time.Now(), slog.LevelDebug
	for err := errAwaited; ; {
		s.awaited.Store(&httpapi.Part{Name: part, Err: err})
		attempt, cancel := context.WithTimeout(ctx, attemptTime)
		err = open(attempt)
		cancel()
		took := time.Since(began).Round(time.Millisecond)
		switch {
		case err == nil:
			s.awaited.Store(&httpapi.Part{Name: "process", Err: errAwaited})
			if said > slog.LevelDebug {
				s.logger.InfoContext(ctx, "start: "+part+" is there", slog.Duration("after", took))
			}
			return nil
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), err)
		case !passes(err):
			return err
		case said < slog.LevelWarn:
			said = slog.LevelWarn
			s.logger.WarnContext(ctx, "start: waits for "+part, slog.Any("error", err))
		case said < slog.LevelError && took > patience:
			said = slog.LevelError
			s.logger.ErrorContext(ctx, "start: still waits for "+part, slog.Duration("since", took), slog.Any("error", err))
		}
		select {
		case <-time.After(attemptPause):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// passes reports whether err may pass by itself: what a part needs is away, or behind. A certificate
// that is not trusted does not.
func passes(err error) bool {
	if _, refused := errors.AsType[*tls.CertificateVerificationError](err); refused {
		return false
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, postgres.ErrBehind) || errors.Is(err, auth.ErrKeysAway) || postgres.Away(err)
}
