package service

import (
	"context"
	"log/slog"
	"time"

	"jangbu/events/outage"
	"jangbu/httpapi/auth"
)

const (
	// rightsEvery is the time between two looks for rights that were withdrawn.
	rightsEvery = 2 * time.Second
	// rightsWithin bounds one look.
	rightsWithin = 10 * time.Second
	// rightsOverlap is how much of what it has seen a look reads again: the log's database may
	// be exchanged for one whose clock is behind.
	rightsOverlap = time.Minute
)

// watchRights has tokens lose the rights that are withdrawn, from before it returns. While the
// log cannot be read, what was withdrawn before stays withdrawn.
func (s *Service) watchRights(ctx context.Context, verifier *auth.Verifier) error {
	since := time.Now().Add(-s.cfg.tokenLife() - rightsOverlap)
	look := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, rightsWithin)
		defer cancel()
		found, err := s.log.Rights().Withdrawn(ctx, since)
		if err != nil {
			return err
		}
		verifier.Withdraw(found)
		if len(found) > 0 {
			since = latest(since, found[len(found)-1].At.Add(-rightsOverlap))
		}
		return nil
	}
	if err := look(ctx); err != nil {
		return err
	}
	failing := outage.Log{
		Logger: s.logger, Level: slog.LevelWarn,
		Began: "rights: what is withdrawn cannot be read, tokens lose what was withdrawn before only",
		Ended: "rights: what is withdrawn is read again",
	}
	s.group.Go(func() error {
		tick := time.NewTicker(rightsEvery)
		defer tick.Stop()
		for {
			select {
			case <-s.stopped:
				return nil
			case <-tick.C:
			}
			if err := look(context.Background()); err != nil {
				failing.Failed(context.Background(), err)
			} else {
				failing.Succeeded(context.Background())
			}
		}
	})
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
