package health

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jangbu/httpapi"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// errLeaving is what /readyz says of a process that is about to stop.
var errLeaving = errors.New("the process is about to stop")

// ready returns the health of every part of this process: what it last managed to do.
func (p *process) ready(ctx context.Context) []httpapi.Part {
	totals, err := p.Log.Totals(ctx)
	parts := []httpapi.Part{{Name: "log", Err: err}}
	select {
	case <-p.Leaving:
		parts = append(parts, httpapi.Part{Name: "process", Err: errLeaving})
	default:
	}
	rows := httpapi.Part{Name: "rows", Err: p.served(ctx)}
	var behind error
	if err == nil && rows.Err == nil {
		all, err := p.checkpoints(ctx, totals.Head)
		if rows.Err = err; err == nil {
			behind = folded(all)
		}
	}
	if behind != nil {
		rows.Note = behind.Error() // what is served says so itself
	}
	parts = append(parts, rows)
	if p.Redis != nil {
		parts = append(parts, p.redis(ctx))
	}
	if p.Ingests {
		parts = append(parts, httpapi.Part{Name: "ingest", Err: p.Messages.err("ingest")})
	}
	if p.Polls {
		parts = append(parts, httpapi.Part{Name: "poll", Err: p.Messages.err("poll")})
	}
	if p.sources != nil {
		parts = append(parts, p.sourcesPart(ctx))
	}
	if p.Canary != nil {
		parts = append(parts, p.Canary.part())
	}
	if p.Runner != nil || p.Polls {
		parts = append(parts, httpapi.Part{Name: "leases", Err: p.tooLong(ctx)})
	}
	if p.Runner != nil {
		project := httpapi.Part{Name: "project", Err: p.Runner.Status().LastError}
		if project.Err == nil {
			project.Err = behind
		}
		parts = append(parts, project, p.Audit(ctx))
	}
	return parts
}

// served returns an error unless rows can be read: [readmodel.ErrRebuilding] where those of a
// lost history were abandoned, and no others are served yet (I13).
func (p *process) served(ctx context.Context) error {
	_, _, err := p.Rows.Snapshot(ctx, "")
	if errors.Is(err, readmodel.ErrNotFound) {
		return nil
	}
	return err
}

// folded returns an error where an event waits to be folded for longer than is tolerated.
func folded(all []checkpoint) error {
	var worst checkpoint
	for _, k := range all {
		if k.behind > worst.behind {
			worst = k
		}
	}
	switch {
	case worst.behind <= tolerated:
		return nil
	case worst.paused:
		return fmt.Errorf("%s is paused at position %d, and events have waited for %v: jangbu projections resume", worst.projection, worst.at, worst.behind.Round(time.Second))
	default:
		return fmt.Errorf("%s stands at position %d, and events have waited for %v", worst.projection, worst.at, worst.behind.Round(time.Second))
	}
}

// redis is the health of the Redis that processes share. Without it reads take longer, and that is
// all, so it is only said.
func (p *process) redis(ctx context.Context) httpapi.Part {
	part := httpapi.Part{Name: "redis"}
	if err := p.Redis(ctx); err != nil {
		part.Note = fmt.Sprintf("Redis does not answer, and reads come from the database: %v", err)
	}
	return part
}

// sourcesPart is the health of the sources. Gaps do not make a process unfit to serve, and no
// restart mends them; they are only said.
func (p *process) sourcesPart(ctx context.Context) httpapi.Part {
	part := httpapi.Part{Name: "sources"}
	states, err := p.Log.Sources().List(ctx)
	if err != nil {
		part.Err = err
		return part
	}
	var gaps, lost int64
	for _, source := range states {
		gaps, lost = gaps+source.Gaps, lost+source.Lost
	}
	if gaps > 0 {
		part.Note = fmt.Sprintf("gaps: %d; at most %d records were not read; see jangbu sources", gaps, lost)
	}
	u, err := p.sources.look(ctx)
	if err == nil {
		err = u.err()
	}
	part.Err = err
	return part
}

// tooLong returns an error where a lease lasts longer than any process asks for, so that none
// may get it.
func (p *process) tooLong(ctx context.Context) error {
	held, err := p.Rows.Holders(ctx)
	if err != nil {
		return err
	}
	for _, h := range held {
		if h.TooLong(runner.DefaultLeaseTTL) {
			return fmt.Errorf("lease %s of %s lasts another %v, longer than any process asks for: jangbu leases break %s",
				h.Name, h.Owner, h.Left.Round(time.Second), h.Name)
		}
	}
	return nil
}
