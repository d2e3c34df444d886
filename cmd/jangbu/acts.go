package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// actLook is how often somebody who waits for an act looks.
const actLook = 20 * time.Millisecond

// actFlags are of every command that asks for an act.
type actFlags struct {
	Why  string `placeholder:"TEXT" help:"The reason, for the record."`
	JSON bool   `help:"Print the act as one JSON object, and no progress."`
	logConfig
}

// actReport is an act for machines.
type actReport struct {
	ID          int64             `json:"act"`
	Kind        readmodel.ActKind `json:"kind"`
	Projections []string          `json:"projections"`
	Campaign    events.Campaign   `json:"eventId,omitempty"`
	Who         string            `json:"who"`
	Why         string            `json:"why"`
	State       string            `json:"state"`
	AskedAt     time.Time         `json:"askedAt"`
	BeganAt     *time.Time        `json:"beganAt"`
	EndedAt     *time.Time        `json:"endedAt"`
	Owner       string            `json:"owner"` // who carried it out
	At          events.Position   `json:"at"`
	To          events.Position   `json:"to"`
	Error       string            `json:"error,omitempty"`
}

func reportOf(a readmodel.Act) actReport {
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

// subject says what the act is about.
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

// operate asks for the act and waits until it has ended. A service carries it out; where
// none runs, this process does, as a service would.
func (f *actFlags) operate(ctx context.Context, t terminal, log eventLog, rows rowStore, wanted readmodel.Act) error {
	if f.LogLevel == "info" {
		f.LogLevel = "error" // the terminal is for the act
	}
	wanted.Who, wanted.Why = operator(), f.Why
	asked, err := rows.Ask(ctx, wanted)
	if err != nil {
		return err
	}
	if !f.JSON && (asked.Who != wanted.Who || asked.Why != wanted.Why || asked.State != readmodel.ActWaiting) {
		t.complain("%s asked for the same at %s already: waiting for that", asked.Who, asked.AskedAt.Local().Format(time.DateTime))
	}
	defer frugal()()
	standby, err := runner.New(runner.Config{
		Log: log, Rows: rows, Projections: projections.All(),
		Owner: fmt.Sprintf("%s/act %d/%d", operator(), asked.ID, time.Now().UnixNano()), Logger: f.logger(t),
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
	p := progress{terminal: t, quiet: f.JSON, verb: "folded"}
	done, err := awaitAct(running, rows, asked.ID, func(a readmodel.Act) {
		if a.To > 0 {
			p.total = a.To
			p.at(a.At)
		}
	})
	p.end()
	if done.Ended() {
		_ = clearedUp(running, standby) // what stays when it is cut off, the next act prunes
	}
	cancel(nil)
	if e := <-ended; e != nil {
		return e // what ends a runner says more
	}
	if !done.Ended() {
		return interruptible(ctx, err, fmt.Sprintf("act %d goes on where a service runs, else with the next one or with the same command", asked.ID))
	}
	if f.JSON {
		return errors.Join(err, json.NewEncoder(t.out).Encode(reportOf(done)))
	}
	if err != nil {
		return fmt.Errorf("act %d: %w", done.ID, err)
	}
	t.say("act %d: %s of %s done in %v, by %s", done.ID, done.Kind, reportOf(done).subject(),
		done.EndedAt.Sub(done.BeganAt).Round(time.Millisecond), done.Owner)
	return nil
}

// clearedUp waits until a runner has nothing more to do with an act that has ended.
func clearedUp(ctx context.Context, r *runner.Runner) error {
	tick := time.NewTicker(actLook)
	defer tick.Stop()
	for r.Status().Acting {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// awaitAct waits until an act has ended, and tells see of it whenever it has looked. An
// act that has failed is an error.
func awaitAct(ctx context.Context, acts readmodel.Acts, id int64, see func(readmodel.Act)) (readmodel.Act, error) {
	tick := time.NewTicker(actLook)
	defer tick.Stop()
	for {
		a, err := acts.Act(ctx, id)
		if err != nil {
			return a, err
		}
		if see != nil {
			see(a)
		}
		if a.State == readmodel.ActFailed {
			return a, fmt.Errorf("the act has failed: %s", a.Error)
		}
		if a.Ended() {
			return a, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return a, ctx.Err()
		}
	}
}
