package service

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events/privacy"
	"jangbu/projections"
	"jangbu/readmodel/cache"
	cacheredis "jangbu/readmodel/cache/redis"
)

// startCache puts a cache before the rows, which the read API reads and the runner
// refreshes. Without a configured Redis an embedded one is used, under a key of its own.
func (s *Service) startCache(ctx context.Context, key privacy.CacheKey) error {
	if s.cfg.RedisURL == "" {
		embedded, err := newEmbeddedRedis()
		if err != nil {
			return fmt.Errorf("start cache: %w", err)
		}
		s.onClose(func() error { embedded.Close(); return nil })
		s.group.Go(func() error { embedded.age(s.stopped); return nil })
		s.redis = redis.NewClient(cacheredis.InProcess(embedded.connect))
		s.line("cache", "in this process", "embedded (Redis protocol)")
	} else {
		var err error
		if s.redis, err = s.cfg.client(); err != nil {
			return fmt.Errorf("start cache: %w", err)
		}
		s.line("cache", stores.Redacted(s.cfg.RedisURL), "Redis")
	}
	s.onClose(s.redis.Close)
	if err := s.tracing.Redis(s.redis); err != nil {
		return fmt.Errorf("start cache: %w", err)
	}
	shared, err := cacheredis.New(cacheredis.Config{
		Client: s.redis, Tables: projections.Tables(projections.All()), Key: key.Bytes(), Logger: s.logger,
	})
	if err != nil {
		return fmt.Errorf("start cache: %w", err)
	}
	if s.cache, err = cache.Open(ctx, cache.Config{Inner: s.rows, Shared: shared, ServeStale: s.cfg.ServeStale, Logger: s.logger}); err != nil {
		return fmt.Errorf("start cache: %w", err)
	}
	s.onClose(func() error { s.cache.Close(); return nil })
	return nil
}
