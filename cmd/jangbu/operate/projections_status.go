package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

const (
	// statusFor is how long rates are measured for.
	statusFor = time.Second
	// statusOperations is how many of the last operations are shown.
	statusOperations = 5
)

type projectionsListCommand struct {
	stores.Config
	JSON bool `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (projectionsListCommand) Help() string {
	return `Examples:
  jangbu projections list
  jangbu projections list --database-url postgres://… --json`
}

// buildReport is one generation as JSON.
type buildReport struct {
	Projection string               `json:"projection"`
	Version    int                  `json:"version"`
	Generation readmodel.Generation `json:"generation"`
	State      string               `json:"state"` // active, paused, standby, building or abandoned
	Position   events.Position      `json:"position"`
	Lag        events.Position      `json:"lag"` // in events
}

func buildReports(builds []readmodel.GenerationState, head events.Position) []buildReport {
	all := make([]buildReport, 0, len(builds))
	for _, b := range builds {
		r := buildReport{Projection: b.Projection, Version: b.Version, Generation: b.Generation, Position: b.Position, Lag: max(head-b.Position, 0)}
		switch {
		case b.Active && b.Version == 0:
			r.State = "abandoned"
		case b.Paused:
			r.State = "paused"
		case b.Active:
			r.State = "active"
		case b.Standby:
			r.State = "standby"
		default:
			r.State = "building"
		}
		all = append(all, r)
	}
	return all
}

// Run lists.
func (c projectionsListCommand) Run(ctx context.Context, t cli.Terminal) error {
	return c.ReadServed(ctx, func(log events.Log, rows readmodel.Store) error {
		builds, err := rows.List(ctx)
		if err != nil {
			return err
		}
		totals, err := log.Totals(ctx)
		if err != nil {
			return err
		}
		all := buildReports(builds, totals.Head)
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(struct {
				Head        events.Position `json:"head"`
				Projections []buildReport   `json:"projections"`
			}{totals.Head, all})
		}
		out := cli.Table{Head: []string{"projection", "state", "version", "generation", "position", "lag"}, Texts: 2}
		for _, b := range all {
			out.Lines = append(out.Lines, []string{
				b.Projection, b.State, strconv.Itoa(b.Version), strconv.Itoa(int(b.Generation)),
				strconv.FormatInt(int64(b.Position), 10), strconv.FormatInt(int64(b.Lag), 10),
			})
		}
		out.Print(t)
		return nil
	})
}

type projectionsStatusCommand struct {
	stores.Config
	cli.ZoneConfig
	JSON bool `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (projectionsStatusCommand) Help() string {
	return `Measures rates for a second. "behind s" is how long ago the first event was logged that a
projection has not folded yet. An abandoned generation stands in the place of rows of a
history that the log no longer has; nothing is served until the rebuild is done. Exits with 4 if a projection that is not paused is behind by
more than a minute and no process holds the lease, or if that lasts longer than it may.

Examples:
  jangbu projections status
  jangbu projections status --database-url postgres://… --json`
}

// statusReport is the state as JSON.
type statusReport struct {
	Head        events.Position    `json:"head"`
	RecordedAt  *time.Time         `json:"recordedAt"`
	Leader      *leaderReport      `json:"leader"` // null: no process holds the lease
	LastError   *faultReport       `json:"lastError"`
	Projections []projectionReport `json:"projections"`
	Audit       auditReport        `json:"audit"`
	Operations  []operationReport  `json:"acts"`
}

type leaderReport struct {
	Owner         string  `json:"owner"`
	Epoch         int64   `json:"epoch"`
	LeaseLeftSecs float64 `json:"leaseLeftSeconds"`
	LeaseTooLong  bool    `json:"leaseTooLong,omitempty"` // by a clock that was wrong
}

// auditReport is what the audit of running services has found wrong.
type auditReport struct {
	Mended int64            `json:"mended"`
	Failed int64            `json:"failed"` // attempts
	Wrong  int64            `json:"wrong"`  // campaigns, now
	Last   *operationReport `json:"last"`   // null: none was found
}

type faultReport struct {
	Owner string    `json:"owner"`
	At    time.Time `json:"at"`
	Error string    `json:"error"`
}

type projectionReport struct {
	buildReport
	BehindSeconds   float64  `json:"behindSeconds"`
	EventsPerSecond float64  `json:"eventsPerSecond"`
	ETASeconds      *float64 `json:"etaSeconds"` // null: unknown, or not behind
}

// Run shows the state.
func (c projectionsStatusCommand) Run(ctx context.Context, t cli.Terminal) error {
	times, err := c.Times()
	if err != nil {
		return err
	}
	return c.ReadServed(ctx, func(log events.Log, rows readmodel.Store) error {
		out, err := statusOf(ctx, log, rows)
		if err != nil {
			return err
		}
		if c.JSON {
			err = json.NewEncoder(t.Out).Encode(out)
		} else {
			out.print(t, times)
		}
		switch {
		case err != nil:
			return err
		case out.Leader != nil && out.Leader.LeaseTooLong:
			return fmt.Errorf("%w: the leader's lease lasts longer than any process asks for: jangbu leases break %s", cli.ErrCheckFailed, runner.LeaseName)
		case out.Leader != nil:
			return nil
		}
		for _, p := range out.Projections {
			if (p.State == "active" || p.State == "abandoned") && p.BehindSeconds > 60 {
				return fmt.Errorf("%w: %s is behind by %.0f s, and no process leads", cli.ErrCheckFailed, p.Projection, p.BehindSeconds)
			}
		}
		return nil
	})
}

// statusOf reads the generations twice, to measure rates.
func statusOf(ctx context.Context, log events.Log, rows readmodel.Store) (statusReport, error) {
	before, err := rows.List(ctx)
	if err != nil {
		return statusReport{}, err
	}
	start := time.Now()
	select {
	case <-time.After(statusFor):
	case <-ctx.Done():
		return statusReport{}, ctx.Err()
	}
	after, err := rows.List(ctx)
	if err != nil {
		return statusReport{}, err
	}
	took := time.Since(start)
	totals, err := log.Totals(ctx)
	if err != nil {
		return statusReport{}, err
	}
	out := statusReport{Head: totals.Head, Operations: []operationReport{}, Projections: []projectionReport{}}
	if !totals.RecordedAt.IsZero() {
		out.RecordedAt = &totals.RecordedAt
	}
	for i, b := range buildReports(after, totals.Head) {
		p := projectionReport{buildReport: b}
		for _, was := range before {
			if was.Projection == b.Projection && was.Generation == b.Generation {
				p.EventsPerSecond = float64(after[i].Position-was.Position) / took.Seconds()
			}
		}
		if b.Lag > 0 {
			if p.BehindSeconds, err = behind(ctx, log, b.Position); err != nil {
				return statusReport{}, err
			}
			if p.EventsPerSecond > 0 {
				eta := float64(b.Lag) / p.EventsPerSecond
				p.ETASeconds = &eta
			}
		}
		out.Projections = append(out.Projections, p)
	}
	return out, out.addRecord(ctx, rows)
}

// behind returns how many seconds ago the event after a position was logged.
func behind(ctx context.Context, log events.Log, at events.Position) (float64, error) {
	next, err := log.Read(ctx, at, 1)
	if err != nil || len(next) == 0 {
		return 0, err
	}
	return max(time.Since(next[0].RecordedAt), 0).Seconds(), nil
}

// addRecord adds the leader, the last error and the last operations.
func (r *statusReport) addRecord(ctx context.Context, rows readmodel.Store) error {
	holder, err := rows.Holder(ctx, runner.LeaseName)
	if err != nil {
		return err
	}
	if holder.Owner != "" {
		r.Leader = &leaderReport{holder.Owner, holder.Epoch, holder.Left.Seconds(), holder.TooLong(runner.DefaultLeaseTTL)}
	}
	if holder.Fault != "" {
		r.LastError = &faultReport{holder.FaultOwner, holder.FaultAt, holder.Fault}
	}
	heals, err := rows.Heals(ctx)
	if err != nil {
		return err
	}
	r.Audit = auditReport{Mended: heals.Done, Failed: heals.Failed, Wrong: heals.Wrong}
	if heals.Last != nil {
		last := reportOf(*heals.Last)
		r.Audit.Last = &last
	}
	ops, err := rows.Operations(ctx, statusOperations)
	for _, a := range ops {
		r.Operations = append(r.Operations, reportOf(a))
	}
	return err
}

// text says how many campaigns were found wrong, and what about the last one.
func (r auditReport) text(times cli.Times) string {
	if r.Last == nil {
		return "no campaign was found wrong"
	}
	return fmt.Sprintf("found wrong and mended: %d; wrong now: %d; last at %s, %s: campaign %q: %s", r.Mended, r.Wrong,
		times.Format(r.Last.AskedAt), r.Last.State, r.Last.Campaign, r.Last.Found)
}

func (r statusReport) print(t cli.Terminal, times cli.Times) {
	recorded := "empty"
	if r.RecordedAt != nil {
		recorded = "last at " + times.Format(*r.RecordedAt)
	}
	t.Printf("log         %d events, %s", r.Head, recorded)
	if r.Leader == nil {
		t.Printf("leader      none: no service runs here with the role project")
	} else {
		t.Printf("leader      %s, epoch %d, lease for another %.1f s", r.Leader.Owner, r.Leader.Epoch, r.Leader.LeaseLeftSecs)
	}
	if r.LastError == nil {
		t.Printf("last error  none")
	} else {
		t.Printf("last error  %s by %s: %s", times.Format(r.LastError.At), r.LastError.Owner, r.LastError.Error)
	}
	t.Printf("audit       %s", r.Audit.text(times))
	table := cli.Table{Head: []string{"projection", "state", "generation", "position", "lag", "behind s", "events/s", "ETA s"}, Texts: 2}
	for _, p := range r.Projections {
		eta := ""
		if p.ETASeconds != nil {
			eta = strconv.FormatFloat(*p.ETASeconds, 'f', 1, 64)
		}
		table.Lines = append(table.Lines, []string{
			p.Projection, p.State, strconv.Itoa(int(p.Generation)), strconv.FormatInt(int64(p.Position), 10), strconv.FormatInt(int64(p.Lag), 10),
			strconv.FormatFloat(p.BehindSeconds, 'f', 1, 64), strconv.FormatFloat(p.EventsPerSecond, 'f', 0, 64), eta,
		})
	}
	t.Printf("")
	table.Print(t)
	if len(r.Operations) == 0 {
		return
	}
	ops := cli.Table{Head: []string{"operation", "kind", "of", "state", "asked", "by", "why"}, Texts: 7}
	for _, a := range r.Operations {
		why := a.Why
		if a.Error != "" {
			why += " (" + a.Error + ")"
		}
		ops.Lines = append(ops.Lines, []string{
			strconv.FormatInt(a.ID, 10), string(a.Kind), a.subject(), a.State, times.Format(a.AskedAt), a.Who, why,
		})
	}
	t.Printf("")
	ops.Print(t)
}
