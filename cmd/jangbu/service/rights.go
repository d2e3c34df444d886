package service

import (
	"context"
	"log/slog"

	"jangbu/cmd/jangbu/tokens"
	"jangbu/events"
	"jangbu/httpapi/auth"
)

func (c *Config) subjectKey() (events.SubjectKey, error) { return c.SubjectKey(&c.Config, c.KeyConfig) }

// watchRights has tokens lose the rights that are withdrawn, from before it returns.
func (s *Service) watchRights(ctx context.Context, verifier *auth.Verifier) error {
	watch, err := tokens.Rights{Log: s.log, Verifier: verifier, MaxLife: s.cfg.tokenLife(), Key: s.cfg.subjectKey, Logger: s.logger}.Watch(ctx, s.stopped)
	if err == nil {
		s.group.Go(watch)
	}
	return err
}

// concealSubjects hashes the subjects of withdrawn rights that an earlier release has recorded in
// plain, if this process has the key.
func (s *Service) concealSubjects(ctx context.Context) {
	key, err := s.cfg.subjectKey()
	if err != nil || key == (events.SubjectKey{}) {
		return // the parts that need it say what is wrong with it
	}
	concealed, err := s.log.Rights().Conceal(ctx, key)
	switch {
	case err != nil:
		s.logger.WarnContext(ctx, "rights: subjects that an earlier release recorded in plain may be left", slog.Any("error", err))
	case concealed > 0:
		s.logger.InfoContext(ctx, "rights: subjects that an earlier release recorded in plain are hashed", slog.Int("records", concealed))
	}
}
