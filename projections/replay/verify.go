package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

const (
	// defaultBatch is how many events a verification reads at a time.
	defaultBatch = 20_000
	// campaignPage is how many names of campaigns are read at a time.
	campaignPage = 1_000
	// maxVerifiedRows bounds what a verification of all campaigns folds in memory: about
	// 300 MiB. The campaigns beyond are folded each by itself, from its stream.
	maxVerifiedRows = 1_000_000
	// comparedCampaigns and comparedRows bound what is read at once of what is served. A campaign
	// of which it is not known how many rows it has is read by itself.
	comparedCampaigns = 500
	comparedRows      = 20_000
)

// ErrNothing means that there is nothing to compare, which proves nothing.
var ErrNothing = errors.New("nothing to compare")

// VerifyConfig says what to verify.
type VerifyConfig struct {
	Log         events.Log
	Rows        readmodel.Store
	Projections []projections.Projection

	// Campaigns are the only ones to verify; none verifies all, and the log itself.
	Campaigns []events.Campaign
	// Sample is how many campaigns to verify, chosen at random among those that have
	// events or rows; 0 verifies all.
	Sample int

	// AnyVersion compares rows that were built by another version, too.
	AnyVersion bool
	// See is called with every event of the log that is intact, if all campaigns are
	// verified. Nil calls nothing.
	See func(*events.Recorded)
	// Each is called with every divergence, Damaged with every damage to the log. Nil
	// calls nothing.
	Each    func(*Divergence)
	Damaged func(Damage)

	Batch   int // events read at a time; 0 is a default
	MaxRows int // folded in memory; 0 is a default

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
	// Events is how many were read from the log; an event may count twice. Links is how
	// many stored links were compared.
	Events, Links int64
	// Campaigns and Rows are how many were compared, Diverging how many of the campaigns
	// were not equal to the fold, and Differences how many [Divergence] there are.
	Campaigns, Diverging int
	Rows, Differences    int64
	// Damages is how many places of the log are not as they were written. Where there is
	// one, no rows were compared.
	Damages int
	// Lowest is the lowest checkpoint at which rows were compared. Events after it may
	// not have been folded yet.
	Lowest events.Position
	// Sampled are the campaigns chosen at random, sorted.
	Sampled []events.Campaign
	// First is the first divergence by campaign, table and key, and FirstDamage the first
	// damage; nil where there is none.
	First       *Divergence
	FirstDamage *Damage
}

// verifier is one verification.
type verifier struct {
	VerifyConfig
	result Verified
	// head is the log's as last read; it grows as events are appended.
	head events.Position
	// through is the position up to which rows are the fold of the whole log, of the campaigns that are
	// not alone. Rows note the last event of each of these.
	through events.Position
	rows    *readmodel.Rows
	// alone are the campaigns that have no rows here: events were withdrawn, or there were too many rows.
	// The stream of each is folded by itself.
	alone map[events.Campaign]bool
	links map[events.Position]events.Link // of the log, as far as they were asked for
	// told says of which projections a divergence was found that is of no campaign.
	told map[string]bool
	// buffer is for the rows of one campaign in one table.
	buffer []any
}

// Verify starts from the log: every campaign that it knows must be served, every one that is
// served must be in it, and their rows must equal the fold, each at the checkpoints that they
// were read with, so a service may go on appending and folding meanwhile (I6). To verify
// some campaigns, or a sample, it reads their streams alone; to verify all, it reads the
// whole log once, verifies its chain as [VerifyChain] does, and compares no rows where that
// is damaged. It always checks the log's account (I5).
//
// A difference is no error, but [Verified.First] or [Verified.FirstDamage]. The error is
// [events.ErrGap] or [events.ErrCorrupt] where the account does not add up or an event of
// one of some campaigns is not as it was written, [events.ErrUnfinished] where the log is a
// part of an import, [readmodel.ErrVersion] where rows were
// built by folds of another version, [readmodel.ErrNotFound] where there is neither a row nor
// an event of one of the campaigns, and [ErrNothing] where there is none at all.
func Verify(ctx context.Context, cfg VerifyConfig) (Verified, error) {
	switch {
	case cfg.Log == nil, cfg.Rows == nil, len(cfg.Projections) == 0:
		return Verified{}, errors.New("verify: log, rows and projections are required")
	case len(cfg.Campaigns) > 0 && cfg.Sample != 0, cfg.Sample < 0:
		return Verified{}, errors.New("verify: some campaigns, or a sample of at least one")
	}
	if cfg.Batch <= 0 {
		cfg.Batch = defaultBatch
	}
	if cfg.MaxRows <= 0 {
		cfg.MaxRows = maxVerifiedRows
	}
	if cfg.Each == nil {
		cfg.Each = func(*Divergence) {}
	}
	if cfg.See == nil {
		cfg.See = func(*events.Recorded) {}
	}
	if cfg.Compared == nil {
		cfg.Compared = func(_, _ int) {}
	}
	v := verifier{
		VerifyConfig: cfg, alone: make(map[events.Campaign]bool), rows: readmodel.NewManyRows(projections.Tables(cfg.Projections)...),
		links: make(map[events.Position]events.Link), told: make(map[string]bool),
	}
	if err := v.verify(ctx); err != nil {
		return v.result, fmt.Errorf("verify: %w", err)
	}
	return v.result, nil
}

func (v *verifier) verify(ctx context.Context) error {
	whole := len(v.Campaigns) == 0 && v.Sample == 0
	if whole {
		if err := v.foldLog(ctx); err != nil || v.result.Damages > 0 {
			return err
		}
	}
	if err := v.account(ctx); err != nil {
		return err
	}
	if !whole {
		v.result.Head = v.head
	} else if err := v.letters(ctx); err != nil {
		return err
	}
	v.result.Lowest = v.result.Head
	campaigns, err := v.chosen(ctx)
	if err != nil {
		return err
	}
	if len(campaigns) == 0 { // the checkpoints are checked all the same
		_, stand, err := v.Rows.Snapshot(ctx, "")
		if err != nil && !errors.Is(err, readmodel.ErrNotFound) {
			return fmt.Errorf("read checkpoints: %w", err)
		}
		if _, _, err := v.comparable(ctx, stand); err != nil {
			return err
		}
		if v.result.Differences == 0 {
			return fmt.Errorf("there is neither an event nor a row: %w", ErrNothing)
		}
	}
	return v.compareAll(ctx, campaigns, whole)
}

// servedRows is what is served of some campaigns, which are sorted.
type servedRows struct {
	campaigns []events.Campaign
	rows      *readmodel.Served
	stand     []readmodel.Checkpoint
	err       error
}

// read reads what is served of some campaigns. See [readmodel.Proofs.Snapshots].
func (v *verifier) read(ctx context.Context, after events.Campaign, some ...events.Campaign) servedRows {
	rows, stand, err := v.Rows.Snapshots(ctx, after, some)
	if err != nil {
		err = fmt.Errorf("read what is served: %w", err)
	}
	return servedRows{some, rows, stand, err}
}

// compareAll compares the campaigns, some at once, while what is served of the next ones is read. If
// whole, these are those of the log, and those that have rows alone are found in between and compared
// in their place.
func (v *verifier) compareAll(ctx context.Context, campaigns []events.Campaign, whole bool) error {
	var groups [][]events.Campaign
	for left := campaigns; len(left) > 0; {
		n := v.atOnce(left)
		groups, left = append(groups, left[:n]), left[n:]
	}
	reading, cancel := context.WithCancel(ctx)
	read := make(chan servedRows)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer cancel()
	reader.Go(func() {
		defer close(read)
		after := events.Campaign("")
		for _, some := range groups {
			s := v.read(reading, after, some...)
			select {
			case read <- s:
			case <-reading.Done():
				return
			}
			if whole {
				after = some[len(some)-1]
			}
		}
	})
	done, all := 0, len(campaigns)
	each := func() {
		done++
		v.Compared(done, all)
	}
	for s := range read {
		if s.err != nil {
			return s.err
		}
		next := func(end int) error { // the first campaigns
			err := v.compare(ctx, servedRows{s.campaigns[:end], s.rows, s.stand, nil}, each)
			s.campaigns = s.campaigns[end:]
			return err
		}
		if whole {
			others := s.rows.Others()
			all += len(others)
			for _, c := range others {
				end, _ := slices.BinarySearch(s.campaigns, c)
				if err := next(end); err != nil {
					return err
				}
				other := v.read(ctx, "", c)
				if other.err != nil {
					return other.err
				}
				if err := v.compare(ctx, other, each); err != nil {
					return err
				}
			}
		}
		if err := next(len(s.campaigns)); err != nil {
			return err
		}
	}
	if done < all { // the reader stopped
		return context.Cause(ctx)
	}
	return nil
}

// atOnce returns how many of the campaigns, at least one, are compared at once.
func (v *verifier) atOnce(campaigns []events.Campaign) (n int) {
	rows := 0
	for _, c := range campaigns[:min(len(campaigns), comparedCampaigns)] {
		if v.rows.Noted(c) == 0 {
			break
		}
		if rows += v.rows.LenOf(c); rows > comparedRows {
			break
		}
		n++
	}
	return max(n, 1)
}

// chosen returns the campaigns to compare, sorted.
func (v *verifier) chosen(ctx context.Context) (all []events.Campaign, err error) {
	switch {
	case len(v.Campaigns) > 0:
		return slices.Compact(slices.Sorted(slices.Values(v.Campaigns))), nil
	case v.Sample > 0:
		v.result.Sampled, err = v.sample(ctx)
		return v.result.Sampled, err
	default:
		return v.all(ctx)
	}
}

// account reads the log's head, and checks that its account adds up (I5).
func (v *verifier) account(ctx context.Context) error {
	totals, err := v.Log.Totals(ctx)
	if err != nil {
		return fmt.Errorf("read the log's account: %w", err)
	}
	v.head = totals.Head
	return totals.Whole()
}

// letters checks that the log has as many dead letters as its account says (I5).
func (v *verifier) letters(ctx context.Context) error {
	for range 10 { // while a service counts others in between
		before, err := v.Log.Totals(ctx)
		if err != nil {
			return fmt.Errorf("read the log's account: %w", err)
		}
		groups, err := v.Log.DeadLetters().Groups(ctx)
		if err != nil {
			return fmt.Errorf("count dead letters: %w", err)
		}
		after, err := v.Log.Totals(ctx)
		if err != nil {
			return fmt.Errorf("read the log's account: %w", err)
		}
		if before != after {
			continue
		}
		var letters, discarded int64
		for _, g := range groups {
			letters, discarded = letters+g.Waiting+g.Discarded, discarded+g.Discarded
		}
		if letters != after.DeadLettered || discarded != after.Discarded {
			return fmt.Errorf("%w: the account has %d dead letters, %d of them discarded; the log has %d, %d of them discarded",
				events.ErrCorrupt, after.DeadLettered, after.Discarded, letters, discarded)
		}
		break
	}
	return nil
}

// all returns the campaigns that are in the log, and before and after these those that have rows,
// sorted. Those in between are found as these are compared.
func (v *verifier) all(ctx context.Context) ([]events.Campaign, error) {
	subjects := v.rows.Subjects()
	for c := range v.alone {
		subjects[c] = struct{}{}
	}
	all := slices.Sorted(maps.Keys(subjects))
	if len(all) == 0 {
		err := v.served(ctx, "", func(c events.Campaign) bool {
			all = append(all, c)
			return true
		})
		return all, err
	}
	first, last, n := all[0], all[len(all)-1], len(all)
	err := v.served(ctx, "", func(c events.Campaign) bool {
		if c < first {
			all = append(all, c)
		}
		return c < first
	})
	if err != nil {
		return nil, err
	}
	all = slices.Concat(all[n:], all[:n])
	err = v.served(ctx, last, func(c events.Campaign) bool {
		all = append(all, c)
		return true
	})
	return all, err
}

// sampleDraws bounds how often the log is asked for a campaign of a sample, for each of the
// sample's size: the same campaign may be drawn again and again.
const sampleDraws = 4

// sample chooses among the campaigns that have rows, each as likely as any other, and among
// those that have events, each the likelier the more it has.
func (v *verifier) sample(ctx context.Context) ([]events.Campaign, error) {
	var chosen []events.Campaign
	seen := 0
	err := v.served(ctx, "", func(c events.Campaign) bool {
		seen++
		if len(chosen) < v.Sample {
			chosen = append(chosen, c)
		} else if i := rand.IntN(seen); i < v.Sample {
			chosen[i] = c
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	drawn := make(map[events.Campaign]bool)
	for range sampleDraws * v.Sample {
		if v.head == 0 || len(drawn) == v.Sample {
			break
		}
		read, err := v.Log.Read(ctx, rand.N(v.head), 1)
		if err != nil {
			return nil, fmt.Errorf("read the log: %w", err)
		}
		for _, r := range read {
			drawn[r.Event.Subject()] = true
		}
	}
	for c := range drawn {
		if !slices.Contains(chosen, c) {
			chosen = append(chosen, c)
		}
	}
	rand.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	chosen = chosen[:min(len(chosen), v.Sample)]
	slices.Sort(chosen)
	return chosen, nil
}

// served calls see with each campaign that has rows and comes after another, in order, until it
// returns false.
func (v *verifier) served(ctx context.Context, after events.Campaign, see func(events.Campaign) bool) error {
	for {
		page, err := v.Rows.Campaigns(ctx, after, campaignPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, c := range page {
			if !see(c) {
				return nil
			}
		}
		after = page[len(page)-1]
	}
}

// compare compares what is served of some campaigns with their folds at its checkpoints, and calls
// each after each of them.
func (v *verifier) compare(ctx context.Context, s servedRows, each func()) error {
	if len(s.campaigns) == 0 {
		return nil
	}
	if s.rows.Len() == 0 && len(v.Campaigns) > 0 { // these are compared one by one
		if err := v.exists(ctx, s.campaigns[0]); err != nil {
			return err
		}
	}
	ps, at, err := v.comparable(ctx, s.stand)
	if err != nil {
		return err
	}
	tables := projections.Tables(ps)
	slices.SortFunc(tables, func(a, b *readmodel.Table) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range s.campaigns {
		if len(ps) == 0 { // what is found of that is of no campaign
			each()
			continue
		}
		folded, err := v.foldTo(ctx, c, ps, at)
		if err != nil {
			return err
		}
		v.result.Campaigns++
		before := v.result.Differences
		v.result.Rows += v.differences(tables, c, s.rows, folded, func(d readmodel.Difference) {
			d.Position = at[d.Table]
			v.found(&Divergence{c, d})
		})
		if v.result.Differences > before {
			v.result.Diverging++
		}
		each()
	}
	return nil
}

// found records a divergence.
func (v *verifier) found(d *Divergence) {
	v.result.Differences++
	if v.result.First == nil {
		v.result.First = d
	}
	v.Each(d)
}

// foundOf records a divergence that is of no campaign, once.
func (v *verifier) foundOf(d readmodel.Difference) {
	if !v.told[d.Table] {
		v.told[d.Table] = true
		v.found(&Divergence{Difference: d})
	}
}

// foldTo returns the campaign's fold by each projection up to its checkpoint. It continues
// the fold of the whole log where no checkpoint lies before the campaign's last event
// there; else it folds the stream from its start.
func (v *verifier) foldTo(ctx context.Context, c events.Campaign, ps []projections.Projection, at map[string]events.Position) (*readmodel.Rows, error) {
	lowest, highest := v.head, events.Position(0)
	for _, position := range at {
		lowest, highest = min(lowest, position), max(highest, position)
	}
	rows, through, last := v.rows, v.through, v.rows.Noted(c)
	switch {
	case v.alone[c], lowest < last:
		rows, through = readmodel.NewRows(projections.Tables(ps)...), 0
	case last == 0: // the fold of the whole log has no event of the campaign
		rows = readmodel.NewRows(projections.Tables(ps)...)
	}
	if highest <= through { // so it is of most campaigns
		return rows, nil
	}
	s := Stream{Log: v.Log, Campaign: c, Projections: ps, Batch: v.Batch, At: make(map[string]events.Position, len(at)), Rows: rows}
	for name := range at {
		s.At[name] = through
	}
	if err := s.FoldTo(ctx, at); err != nil {
		return nil, err
	}
	v.result.Events += s.Read
	return s.Rows, nil
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
