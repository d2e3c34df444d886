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

// ready returns the health of every part of this process.
func (c Config) ready(ctx context.Context) []httpapi.Part {
	_, err := c.Log.Totals(ctx)
	parts := []httpapi.Part{{Name: "log", Err: err}}
	select {
	case <-c.Leaving:
		parts = append(parts, httpapi.Part{Name: "process", Err: errLeaving})
	default:
	}
	parts = append(parts, httpapi.Part{Name: "rows", Err: c.served(ctx)})
	if c.Ingests {
		parts = append(parts, httpapi.Part{Name: "ingest"}) // when it cannot run it ends the process
		parts = append(parts, c.sources(ctx))
	}
	if c.Runner != nil || c.Polls {
		parts = append(parts, httpapi.Part{Name: "leases", Err: c.leases(ctx)})
	}
	if c.Runner != nil {
		parts = append(parts, httpapi.Part{Name: "project", Err: c.Runner.Status().LastError})
		parts = append(parts, c.Audit(ctx))
	}
	return parts
}

// served returns an error unless rows can be read: [readmodel.ErrRebuilding] where those of a
// lost history were abandoned, and no others are served yet (I13).
func (c Config) served(ctx context.Context) error {
	_, _, err := c.Rows.Snapshot(ctx, "")
	if errors.Is(err, readmodel.ErrNotFound) {
		return nil
	}
	return err
}

// sources is the health of the sources. Gaps do not make a process unfit to serve, and no
// restart mends them; they are only said.
func (c Config) sources(ctx context.Context) httpapi.Part {
	part := httpapi.Part{Name: "sources"}
	sources, err := c.Log.Sources().List(ctx)
	if err != nil {
		part.Err = err
		return part
	}
	var gaps, lost int64
	for _, source := range sources {
		gaps, lost = gaps+source.Gaps, lost+source.Lost
	}
	if gaps > 0 {
		part.Note = fmt.Sprintf("gaps: %d; at most %d records were not read; see jangbu sources", gaps, lost)
	}
	return part
}

// leases returns an error where a lease lasts longer than any process asks for, so that none
// may get it.
func (c Config) leases(ctx context.Context) error {
	held, err := c.Rows.Holders(ctx)
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
