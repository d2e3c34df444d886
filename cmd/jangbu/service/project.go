package service

import (
	"context"
	"strings"

	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// startRunner starts what folds the log into rows, and what audits the rows.
func (s *Service) startRunner(running context.Context) (err error) {
	var committed func(readmodel.Change)
	if s.cache != nil {
		committed = s.cache.Committed
	}
	s.runner, err = runner.New(runner.Config{
		Log: s.tail, Tail: s.tail, Rows: s.tracing.Commits(s.rows), Projections: projections.All(),
		Owner: s.owner, Logger: s.logger, Committed: committed,
		HistoryEvery: s.cfg.HistoryEvery, Memory: s.cfg.Budget(),
	})
	if err != nil {
		return err
	}
	s.group.Go(func() error { return s.runner.Run(running) })
	s.auditing = newAuditing(s.log, s.rows, s.owner, s.cfg.AuditWithin, func() bool { return s.runner.Status().Leading }, s.logger)
	s.group.Go(func() error { s.auditing.run(running); return nil })
	names := make([]string, 0, 4)
	for _, p := range projections.All() {
		names = append(names, p.Name())
	}
	s.line("project", strings.Join(names, " "), "")
	return nil
}
