package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// defaultBatch is how many events a verification reads at a time.
const defaultBatch = 20_000

// campaignPage is how many names of campaigns are read at a time.
const campaignPage = 1_000

// VerifyConfig says what to verify.
type VerifyConfig struct {
	Log         events.Log
	Rows        readmodel.Store
	Projections []projections.Projection

	// Campaign is the only one to verify; empty verifies all.
	Campaign events.Campaign
	// Sample is how many campaigns to verify, chosen at random among those that have
	// rows; 0 verifies all.
	Sample int

	// AnyVersion compares rows that were built by another version, too.
	AnyVersion bool
	// Each is called with every divergence, in every field. Nil looks for one divergence
	// of a campaign only.
	Each func(*Divergence)

	Batch int // events read at a time; 0 is defaultBatch

	// Progress is called with each position that the fold of the whole log reaches, and
	// with the last one; Compared with how many campaigns were compared, of how many. Nil
	// calls nothing.
	Progress func(at, to events.Position)
	Compared func(n, of int)
}

// Verified is what [Verify] has compared and found.
type Verified struct {
	// Head is that of the log when the verification began.
	Head events.Position
	// Events is how many were read from the log; an event may count twice.
	Events int64
	// Campaigns is how many were compared, and Diverging how many of them were
	// not equal to the fold.
	Campaigns, Diverging int
	// Lowest is the lowest checkpoint at which rows were compared. Events after it may
	// not have been folded yet.
	Lowest events.Position
	// Sampled are the campaigns chosen at random, sorted.
	Sampled []events.Campaign
	// First is the first divergence by campaign, table and key; nil where there is none.
	First *Divergence
}

// Divergence is a place where what is served is not the fold of the log.
type Divergence struct {
	Campaign events.Campaign // empty where the divergence is not of one campaign
	Table    string
	// Key is that of the row within the campaign; empty where there is one row.
	Key string
	// Field is the row's, as in readmodel; empty where one side has no such row, or the
	// table's checkpoint is wrong.
	Field          string
	Served, Folded string
	// Position is the checkpoint at which the two were compared.
	Position events.Position
}

// String returns the divergence in one line.
func (d *Divergence) String() string {
	at := d.Table
	if d.Campaign != "" {
		at = fmt.Sprintf("campaign %q: %s", d.Campaign, at)
	}
	if d.Key != "" {
		at += fmt.Sprintf(" %q", d.Key)
	}
	if d.Field != "" {
		at += " " + d.Field
	}
	return fmt.Sprintf("%s: served %s, folded %s, at position %d", at, d.Served, d.Folded, d.Position)
}

// verifier is one verification.
type verifier struct {
	VerifyConfig
	result Verified
	// head is the log's as last read; it grows as events are appended.
	head events.Position
	// through is the position up to which folded is the fold of the whole log.
	through events.Position
	folded  map[events.Campaign]*fold
	// same are the checkpoints of the log's own history, as found so far.
	same map[readmodel.Checkpoint]bool
}

// fold is the rows of one campaign, folded by every projection.
type fold struct {
	rows *readmodel.Rows
	last events.Position // of the campaign's last event folded
	// withdrawn says that events were withdrawn: the rows are not the fold.
	withdrawn bool
}

// Verify compares the served rows of every campaign with the fold of the log, each at
// the checkpoints that its rows were read with, so a service may go on appending and
// folding meanwhile (I6). To verify one campaign, or a sample, it reads their streams
// alone; to verify all, it reads the whole log once, and thereby finds gaps and events
// that cannot be read back. It always checks the log's account (I5).
//
// A difference is no error, but [Verified.First]. The error is [events.ErrGap] or
// [events.ErrCorrupt] where the log is damaged, [readmodel.ErrVersion] where rows were
// built by folds of another version, and [readmodel.ErrNotFound] where there is neither a
// row nor an event of the one campaign.
func Verify(ctx context.Context, cfg VerifyConfig) (Verified, error) {
	switch {
	case cfg.Log == nil, cfg.Rows == nil, len(cfg.Projections) == 0:
		return Verified{}, errors.New("verify: log, rows and projections are required")
	case cfg.Campaign != "" && cfg.Sample != 0, cfg.Sample < 0:
		return Verified{}, errors.New("verify: one campaign, or a sample of at least one")
	}
	if cfg.Batch <= 0 {
		cfg.Batch = defaultBatch
	}
	if cfg.Progress == nil {
		cfg.Progress = func(_, _ events.Position) {}
	}
	if cfg.Compared == nil {
		cfg.Compared = func(_, _ int) {}
	}
	v := verifier{VerifyConfig: cfg, folded: make(map[events.Campaign]*fold), same: make(map[readmodel.Checkpoint]bool)}
	if err := v.verify(ctx); err != nil {
		return v.result, fmt.Errorf("verify: %w", err)
	}
	return v.result, nil
}

func (v *verifier) verify(ctx context.Context) error {
	if err := v.account(ctx); err != nil {
		return err
	}
	v.result.Head, v.result.Lowest = v.head, v.head
	var campaigns []events.Campaign
	switch {
	case v.Campaign != "":
		campaigns = []events.Campaign{v.Campaign}
	case v.Sample > 0:
		sampled, err := v.sample(ctx)
		if err != nil {
			return err
		}
		campaigns, v.result.Sampled = sampled, sampled
	default:
		if err := v.foldLog(ctx); err != nil {
			return err
		}
		all, err := v.all(ctx)
		if err != nil {
			return err
		}
		campaigns = all
	}
	// The checkpoints are checked also where there is no campaign.
	if len(campaigns) == 0 {
		_, at, err := v.Rows.Snapshot(ctx, "")
		if err != nil && !errors.Is(err, readmodel.ErrNotFound) {
			return fmt.Errorf("read checkpoints: %w", err)
		}
		_, _, err = v.checkpoints(ctx, at)
		return err
	}
	for i, c := range campaigns {
		ahead, err := v.compare(ctx, c)
		if err != nil || ahead {
			return err
		}
		v.Compared(i+1, len(campaigns))
	}
	return nil
}

// account reads the log's head, and checks that its account adds up (I5).
func (v *verifier) account(ctx context.Context) error {
	totals, err := v.Log.Totals(ctx)
	if err != nil {
		return fmt.Errorf("read the log's account: %w", err)
	}
	if totals.Received != int64(totals.Head)+totals.Duplicates+totals.DeadLettered {
		return fmt.Errorf("%w: %d received, but %d appended, %d duplicates and %d dead letters", events.ErrCorrupt,
			totals.Received, totals.Head, totals.Duplicates, totals.DeadLettered)
	}
	v.head = totals.Head
	return nil
}

// foldLog folds the whole log up to the head, each campaign by itself.
func (v *verifier) foldLog(ctx context.Context) error {
	for v.through < v.result.Head {
		batch, err := v.Log.Read(ctx, v.through, int(min(v.result.Head-v.through, events.Position(v.Batch))))
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if len(batch) == 0 {
			return fmt.Errorf("read the log: %w: it ends at %d, its head is at %d", events.ErrGap, v.through, v.result.Head)
		}
		for _, e := range batch {
			if e.Position != v.through+1 { // I2
				return fmt.Errorf("read the log: %w: position %d after %d", events.ErrGap, e.Position, v.through)
			}
			v.through = e.Position
			f := v.folded[e.Event.Subject()]
			if f == nil {
				f = &fold{rows: readmodel.NewRows(projections.Tables(v.Projections)...)}
				v.folded[e.Event.Subject()] = f
			}
			f.last = e.Position
			if e.Event.Type() == events.TypeEventsWithdrawn {
				f.withdrawn, f.rows = true, readmodel.NewRows(projections.Tables(v.Projections)...)
			}
			if f.withdrawn {
				continue // its stream is folded by itself
			}
			for _, p := range v.Projections {
				p.Fold(f.rows, e)
			}
		}
		v.result.Events += int64(len(batch))
		v.Progress(v.through, v.result.Head)
	}
	return nil
}

// all returns the campaigns that are in the log or have rows, sorted.
func (v *verifier) all(ctx context.Context) ([]events.Campaign, error) {
	all := slices.Collect(maps.Keys(v.folded))
	err := v.served(ctx, func(c events.Campaign) {
		if v.folded[c] == nil {
			all = append(all, c)
		}
	})
	slices.Sort(all)
	return all, err
}

// sample chooses among the campaigns that have rows, each as likely as any other.
func (v *verifier) sample(ctx context.Context) ([]events.Campaign, error) {
	var chosen []events.Campaign
	seen := 0
	err := v.served(ctx, func(c events.Campaign) {
		seen++
		if len(chosen) < v.Sample {
			chosen = append(chosen, c)
		} else if i := rand.IntN(seen); i < v.Sample {
			chosen[i] = c
		}
	})
	slices.Sort(chosen)
	return chosen, err
}

// served calls see with each campaign that has rows, in order.
func (v *verifier) served(ctx context.Context, see func(events.Campaign)) error {
	var after events.Campaign
	for {
		page, err := v.Rows.Campaigns(ctx, after, campaignPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, c := range page {
			see(c)
		}
		after = page[len(page)-1]
	}
}

// compare compares the campaign's rows with its fold at their checkpoints. It reports
// whether a checkpoint is beyond the log, where no other comparison has a meaning.
func (v *verifier) compare(ctx context.Context, c events.Campaign) (ahead bool, err error) {
	served, stand, err := v.Rows.Snapshot(ctx, c)
	missing := errors.Is(err, readmodel.ErrNotFound)
	if err != nil && !missing {
		return false, fmt.Errorf("read what is served: %w", err)
	}
	at, ahead, err := v.checkpoints(ctx, stand)
	if err != nil || ahead {
		return ahead, err
	}
	folded, err := v.foldTo(ctx, c, at)
	if err != nil {
		return false, err
	}
	if missing && folded.last == 0 && v.Campaign != "" {
		if err := v.exists(ctx, c); err != nil {
			return false, err
		}
	}
	v.result.Campaigns++
	diverging := false
	differences(projections.Tables(v.Projections), served, folded.rows.Of(c), func(d *Divergence) bool {
		diverging = true
		d.Campaign, d.Position = c, at[d.Table]
		v.found(d)
		return v.Each != nil
	})
	if diverging {
		v.result.Diverging++
	}
	return false, nil
}

// found records a divergence.
func (v *verifier) found(d *Divergence) {
	if v.result.First == nil {
		v.result.First = d
	}
	if v.Each != nil {
		v.Each(d)
	}
}

// checkpoints returns the position of each projection, 0 where it has no rows yet. It
// reports whether one is beyond the log's head or has another link than the log there: these
// are rows of another log (I13).
func (v *verifier) checkpoints(ctx context.Context, found []readmodel.Checkpoint) (at map[string]events.Position, ahead bool, err error) {
	at = make(map[string]events.Position, len(v.Projections))
	for _, p := range v.Projections {
		at[p.Name()] = 0
		i := slices.IndexFunc(found, func(c readmodel.Checkpoint) bool { return c.Projection == p.Name() })
		if i >= 0 {
			if found[i].Version != p.Version && !v.AnyVersion {
				return nil, false, fmt.Errorf("%s: rows are of version %d, the projection is of version %d: %w",
					p.Name(), found[i].Version, p.Version, readmodel.ErrVersion)
			}
			at[p.Name()] = found[i].Position
		}
		if at[p.Name()] > v.head {
			if err := v.account(ctx); err != nil { // the log may have grown
				return nil, false, err
			}
		}
		if at[p.Name()] > v.head {
			v.result.Diverging++
			v.found(&Divergence{
				Table: p.Name(), Served: fmt.Sprintf("checkpoint %d", at[p.Name()]), Folded: fmt.Sprintf("log that ends at %d", v.head), Position: at[p.Name()],
			})
			return nil, true, nil
		}
		if i >= 0 {
			if other, err := v.ofAnotherLog(ctx, found[i]); err != nil || other {
				return nil, other, err
			}
		}
		v.result.Lowest = min(v.result.Lowest, at[p.Name()])
	}
	return at, false, nil
}

// ofAnotherLog reports whether the checkpoint has a link that is not the log's there.
func (v *verifier) ofAnotherLog(ctx context.Context, at readmodel.Checkpoint) (bool, error) {
	if at.Link == (events.Link{}) || v.same[at] {
		return false, nil
	}
	link, _, err := v.Log.Link(ctx, at.Position)
	if err != nil {
		return false, err
	}
	if v.same[at] = link == at.Link; v.same[at] {
		return false, nil
	}
	v.result.Diverging++
	v.found(&Divergence{
		Table: at.Projection, Served: fmt.Sprintf("checkpoint of a log with link %v", at.Link),
		Folded: fmt.Sprintf("log with link %v", link), Position: at.Position,
	})
	return true, nil
}

// foldTo returns the campaign's fold by each projection up to its checkpoint. It continues
// the fold of the whole log where no checkpoint lies before the campaign's last event
// there; else it folds the stream from its start.
func (v *verifier) foldTo(ctx context.Context, c events.Campaign, at map[string]events.Position) (*fold, error) {
	lowest := v.head
	for _, position := range at {
		lowest = min(lowest, position)
	}
	f := v.folded[c]
	delete(v.folded, c) // it is not needed again
	s := Stream{Log: v.Log, Campaign: c, Projections: v.Projections, Batch: v.Batch, At: make(map[string]events.Position, len(at))}
	if f != nil && (f.withdrawn || lowest < f.last) {
		f = nil
	} else { // also where the fold of the whole log has no event of the campaign
		for name := range at {
			s.At[name] = v.through
		}
	}
	if f == nil {
		f = &fold{rows: readmodel.NewRows(projections.Tables(v.Projections)...)}
	}
	s.Rows, s.Last = f.rows, f.last
	if err := s.FoldTo(ctx, at); err != nil {
		return nil, err
	}
	v.result.Events += s.Read
	f.rows, f.last = s.Rows, s.Last
	return f, nil
}

// exists returns [readmodel.ErrNotFound] where the log has no event of the campaign.
func (v *verifier) exists(ctx context.Context, c events.Campaign) error {
	first, err := v.Log.ReadStream(ctx, events.Stream{Campaign: c, Limit: 1})
	if err != nil {
		return fmt.Errorf("read stream of campaign %q: %w", c, err)
	}
	if len(first) == 0 {
		return fmt.Errorf("campaign %q has no event and no row: %w", c, readmodel.ErrNotFound)
	}
	return nil
}
