package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// operationFlags are the flags of every command that asks for an operation.
type operationFlags struct {
	Why  string `placeholder:"TEXT" help:"The reason, for the record."`
	JSON bool   `help:"Print the operation as one JSON object, and no progress."`
	cli.ZoneConfig
	cli.MemoryConfig
	cli.LogConfig
}

// operationReport is an operation as JSON.
type operationReport struct {
	ID          int64                   `json:"act"`
	Kind        readmodel.OperationKind `json:"kind"`
	Projections []string                `json:"projections"`
	Campaign    events.Campaign         `json:"eventId,omitempty"`
	Lease       string                  `json:"lease,omitempty"`
	Who         string                  `json:"who"`
	Why         string                  `json:"why"`
	State       string                  `json:"state"`
	AskedAt     time.Time               `json:"askedAt"`
	BeganAt     *time.Time              `json:"beganAt"`
	EndedAt     *time.Time              `json:"endedAt"`
	Owner       string                  `json:"owner"` // of the lease under which it was carried out
	At          events.Position         `json:"at"`
	To          events.Position         `json:"to"`
	Error       string                  `json:"error,omitempty"`
	Found       *readmodel.Found        `json:"found,omitempty"` // by the audit, which asked for it
}

func reportOf(a readmodel.Operation) operationReport {
	r := operationReport{
		ID: a.ID, Kind: a.Kind, Projections: append([]string{}, a.Projections...), Campaign: a.Campaign, Lease: a.Lease, Who: a.Who, Why: a.Why,
		State: string(a.State), AskedAt: a.AskedAt, Owner: a.Owner, At: a.At, To: a.To, Error: a.Error, Found: a.Found,
	}
	if !a.BeganAt.IsZero() {
		r.BeganAt = &a.BeganAt
	}
	if !a.EndedAt.IsZero() {
		r.EndedAt = &a.EndedAt
	}
	return r
}

// subject returns what the operation changes, for people.
func (r operationReport) subject() string {
	if r.Lease != "" {
		return "lease " + r.Lease
	}
	s := strings.Join(r.Projections, " ")
	if len(r.Projections) == len(projections.All()) {
		s = "all projections"
	}
	if r.Campaign != "" {
		s += fmt.Sprintf(" of %q", r.Campaign)
	}
	return s
}

// operate asks for an operation and waits until it has ended. The leader carries it out: a
// service, or this process if no service holds the lease.
func (f *operationFlags) operate(ctx context.Context, t cli.Terminal, log events.Log, rows readmodel.Store, wanted readmodel.Operation) error {
	times, err := f.Times()
	if err != nil {
		return err
	}
	f.Quiet()
	wanted.Who, wanted.Why = cli.Operator(), f.Why
	what := events.Access{Command: "projections " + string(wanted.Kind), Subject: reportOf(wanted).subject(), Who: wanted.Who, Why: wanted.Why}
	if err := stores.Record(ctx, log, what); err != nil {
		return err
	}
	defer f.Limit()()
	p := cli.Progress{Terminal: t, Quiet: f.JSON, Verb: "folded"}
	done, err := runner.Operate(ctx, runner.Config{Log: log, Rows: rows, Projections: projections.All(), Memory: f.Budget(), Logger: f.Logger(t)}, wanted,
		func(asked readmodel.Operation) {
			if !f.JSON && (asked.Who != wanted.Who || asked.Why != wanted.Why || asked.State != readmodel.Waiting) {
				t.Notef("%s asked for the same at %s already: waiting for that", asked.Who, times.Format(asked.AskedAt))
			}
		},
		func(a readmodel.Operation) {
			if a.To > 0 {
				p.Total = int64(a.To)
				p.At(int64(a.At))
			}
		})
	p.End()
	if !done.Ended() {
		return cli.Interruptible(ctx, err, fmt.Sprintf("operation %d goes on while a service runs, or with the same command", done.ID))
	}
	if f.JSON {
		return errors.Join(err, json.NewEncoder(t.Out).Encode(reportOf(done)))
	}
	if err != nil {
		return fmt.Errorf("operation %d: %w", done.ID, err)
	}
	t.Printf("operation %d: %s of %s done in %v, by %s", done.ID, done.Kind, reportOf(done).subject(),
		done.EndedAt.Sub(done.BeganAt).Round(time.Millisecond), done.Owner)
	return nil
}
