package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// actFlags are of every command that asks for an operation.
type actFlags struct {
	Why  string `placeholder:"TEXT" help:"The reason, for the record."`
	JSON bool   `help:"Print the act as one JSON object, and no progress."`
	cli.LogConfig
}

// actReport is an operation for machines.
type actReport struct {
	ID          int64                   `json:"act"`
	Kind        readmodel.OperationKind `json:"kind"`
	Projections []string                `json:"projections"`
	Campaign    events.Campaign         `json:"eventId,omitempty"`
	Who         string                  `json:"who"`
	Why         string                  `json:"why"`
	State       string                  `json:"state"`
	AskedAt     time.Time               `json:"askedAt"`
	BeganAt     *time.Time              `json:"beganAt"`
	EndedAt     *time.Time              `json:"endedAt"`
	Owner       string                  `json:"owner"` // who carried it out
	At          events.Position         `json:"at"`
	To          events.Position         `json:"to"`
	Error       string                  `json:"error,omitempty"`
}

func reportOf(a readmodel.Operation) actReport {
	r := actReport{
		ID: a.ID, Kind: a.Kind, Projections: a.Projections, Campaign: a.Campaign, Who: a.Who, Why: a.Why,
		State: string(a.State), AskedAt: a.AskedAt, Owner: a.Owner, At: a.At, To: a.To, Error: a.Error,
	}
	if !a.BeganAt.IsZero() {
		r.BeganAt = &a.BeganAt
	}
	if !a.EndedAt.IsZero() {
		r.EndedAt = &a.EndedAt
	}
	return r
}

// subject says what the operation is about.
func (r actReport) subject() string {
	s := strings.Join(r.Projections, " ")
	if len(r.Projections) == len(projections.All()) {
		s = "all projections"
	}
	if r.Campaign != "" {
		s += fmt.Sprintf(" of %q", r.Campaign)
	}
	return s
}

// operate asks for the operation and waits until it has ended. A service carries it out; where
// none runs, this process does, as a service would.
func (f *actFlags) operate(ctx context.Context, t cli.Terminal, log events.Log, rows readmodel.Store, wanted readmodel.Operation) error {
	f.Quiet()
	wanted.Who, wanted.Why = operator(), f.Why
	asked, err := rows.Ask(ctx, wanted)
	if err != nil {
		return err
	}
	if !f.JSON && (asked.Who != wanted.Who || asked.Why != wanted.Why || asked.State != readmodel.Waiting) {
		t.Warnf("%s asked for the same at %s already: waiting for that", asked.Who, asked.AskedAt.Local().Format(time.DateTime))
	}
	defer cli.LimitMemory()()
	standby, err := runner.New(runner.Config{
		Log: log, Rows: rows, Projections: projections.All(),
		Owner: fmt.Sprintf("%s/operation %d/%d", operator(), asked.ID, time.Now().UnixNano()), Logger: f.Logger(t),
	})
	if err != nil {
		return err
	}
	running, cancel := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() {
		err := standby.Run(running)
		cancel(err) // ends the waiting where there is an error
		ended <- err
	}()
	p := cli.Progress{Terminal: t, Quiet: f.JSON, Verb: "folded"}
	done, err := runner.Await(running, rows, asked.ID, func(a readmodel.Operation) {
		if a.To > 0 {
			p.Total = int64(a.To)
			p.At(int64(a.At))
		}
	})
	p.End()
	if done.Ended() {
		_ = standby.Settle(running) // what stays when it is cut off, the next operation prunes
	}
	cancel(nil)
	if e := <-ended; e != nil {
		return e // what ends a runner says more
	}
	if !done.Ended() {
		return cli.Interruptible(ctx, err, fmt.Sprintf("operation %d goes on where a service runs, else with the next one or with the same command", asked.ID))
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
