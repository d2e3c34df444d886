package privacy

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/readmodel"
)

// rows scans the rows of every generation, and the operations. Where rows hold any, all are
// folded anew until no generation does: the one that was served is kept to roll back to, and goes
// with the next. Otherwise the campaigns whose events were overwritten are folded anew.
func (s *scan) rows(ctx context.Context, t cli.Terminal) (err error) {
	if s.RowsPlace().Existing() != nil {
		return nil
	}
	store, closeRows, err := s.OpenRows(ctx, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeRows()) }()
	found, err := s.texts(ctx, store)
	if err != nil {
		return err
	}
	if s.Erase {
		if err := s.foldAnew(ctx, t, store, found); err != nil {
			return err
		}
	}
	if err := s.operations(ctx, store); err != nil || !s.changed {
		return err
	}
	return store.Compact(ctx)
}

// rebuilds is how many rebuilds leave no generation of before them.
const rebuilds = 2

func (s *scan) foldAnew(ctx context.Context, t cli.Terminal, store readmodel.Store, found map[place]int64) error {
	again := refold{Config: &s.Config, log: s.log, logger: s.Logger(t), who: s.Who, why: "what an earlier release stored was overwritten", quiet: s.JSON}
	if len(found) == 0 {
		for _, c := range slices.Sorted(maps.Keys(s.refold)) {
			if err := again.campaign(ctx, t, c); err != nil {
				return err
			}
		}
		return nil
	}
	s.changed = true
	var err error
	for n := 0; n < rebuilds && len(found) > 0; n++ {
		if err := again.everything(ctx, t); err != nil {
			return err
		}
		if err := pruned(ctx, store); err != nil {
			return err
		}
		if found, err = s.textsLeft(ctx, store); err != nil {
			return err
		}
	}
	for p, n := range found {
		s.left(p, n)
	}
	return nil
}

// pruneTime bounds the wait for the leader, which prunes after a rebuild has ended.
const pruneTime = time.Minute

// pruned waits until no generation is left but those that are served and those to roll back to.
// What the leader has not pruned after a while is left, and found.
func pruned(ctx context.Context, store readmodel.Store) error {
	within, cancel := context.WithTimeout(ctx, pruneTime)
	defer cancel()
	for again := time.NewTicker(50 * time.Millisecond); ; {
		all, err := store.List(within)
		unused := slices.ContainsFunc(all, func(g readmodel.GenerationState) bool { return !g.Active && !g.Standby })
		if err == nil && unused {
			select {
			case <-again.C:
				continue
			case <-within.Done():
			}
		}
		again.Stop()
		if within.Err() != nil {
			return ctx.Err()
		}
		return err
	}
}

// texts notes what the rows hold, and returns it.
func (s *scan) texts(ctx context.Context, store readmodel.Store) (map[place]int64, error) {
	found, err := s.textsLeft(ctx, store)
	for p, n := range found {
		for range n {
			s.note(p, 0)
		}
	}
	return found, err
}

// textsLeft returns how many texts of the rows hold what identifies a person.
func (s *scan) textsLeft(ctx context.Context, store readmodel.Store) (map[place]int64, error) {
	found, campaigns := make(map[place]int64), int64(0)
	described := readmodel.CampaignStatsTable().Name
	err := store.Texts(ctx, func(table, column, text string) error {
		p := events.PersonalInID(text)
		switch {
		case table == described && (column == "title" || column == "objective"):
			p = events.PersonalInText(text)
		case table == described && column == "campaign":
			campaigns++
		}
		if p != events.NothingPersonal {
			found[place{In: "rows", Type: table, Field: column, Holds: p.String()}]++
		}
		return nil
	})
	s.out.Campaigns = campaigns
	return found, err
}

// operations scans the record of operations. One that has not ended is left.
func (s *scan) operations(ctx context.Context, store readmodel.Store) error {
	all, err := store.Operations(ctx, math.MaxInt32)
	if err != nil {
		return err
	}
	for _, o := range all {
		var now readmodel.Operation
		differs, err := s.redacting(ctx, func(name events.Namer) (differs bool) {
			now, differs = o.Redact(name)
			return differs
		})
		if err == nil && differs {
			err = store.Reword(ctx, now)
		}
		left := errors.Is(err, readmodel.ErrNoOperation)
		if err != nil && !left {
			return err
		}
		s.operation(&o, &now, left)
	}
	return nil
}

func (s *scan) operation(before, now *readmodel.Operation, left bool) {
	text := func(field, before, now string) {
		if p, ok := s.text("operations", field, before, now); ok && left {
			s.left(p, 1)
		}
	}
	text("campaign", string(before.Campaign), string(now.Campaign))
	text("who", before.Who, now.Who)
	text("why", before.Why, now.Why)
	text("owner", before.Owner, now.Owner)
	text("error", before.Error, now.Error)
	if before.Found == nil {
		return
	}
	for i, d := range before.Found.Differences {
		after := now.Found.Differences[i]
		text("found", d.Key, after.Key)
		text("found", d.Served, after.Served)
		text("found", d.Folded, after.Folded)
	}
}
