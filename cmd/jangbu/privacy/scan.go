package privacy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

type scanCommand struct {
	stores.Config
	cli.LogConfig
	Erase bool   `help:"Overwrite what is found."`
	Why   string `placeholder:"TEXT" help:"With --erase: the reason, for the record; at most 500 characters that name no person."`
	Who   string `placeholder:"NAME" help:"With --erase: who does it. Without it, the user of this process."`
	JSON  bool   `help:"Print one JSON object, and no progress."`
}

// Help implements kong's detailed help.
func (scanCommand) Help() string {
	return `Looks for what an earlier release stored and this one refuses or does not store: phone,
resident and card numbers and mail addresses, in any spelling, in the ids, titles and objectives
of the log and of the rows and in what is readable of dead letters and records of erasures; and
texts of the public (channel, gender, ageGroup, region) that name what is on no list. It prints
where it is and what it is, and never the value.

With --erase, overwrites the events that hold any, like an erasure: texts become what they name
("other" where that is nothing), numbers and addresses in titles and objectives three asterisks,
and a registration whose participantId is or holds one is erased. Positions, identities, totals
and the chain stay, and a record that is delivered again stays a duplicate. The rows of the
campaigns concerned are folded anew, by a running service or else by this command, and cached
answers follow. Who, why, when and which positions are recorded in the log. The same command
goes on with one that was interrupted. The ids of campaigns and shops stay, and are listed as
left, and so is what is readable of a dead letter: jangbu deadletters discard takes its record
alone. Kafka, backups, exports made before and PostgreSQL's write-ahead log keep what they hold
until they expire, and the free space of the rows' files until it is used again.

Exits with 4 if anything was found, or with --erase if anything is left.

Examples:
  jangbu privacy scan
  jangbu privacy scan --json
  jangbu privacy scan --erase --why "the audit of 2026, DSR-90"`
}

// place is where something was found, and what it is.
type place struct {
	In    string `json:"in"` // log, rows, deadLetters or erasures
	Type  string `json:"type,omitempty"`
	Field string `json:"field"`
	Holds string `json:"holds"`
}

// finding is how often something was found in a place.
type finding struct {
	place
	Count int64           `json:"count"`
	First events.Position `json:"first,omitempty"` // in the log
	Left  int64           `json:"left"`            // after the erasure
}

// scanned is what was found as JSON.
type scanned struct {
	Events      int64      `json:"events"`
	Campaigns   int64      `json:"campaigns"`
	DeadLetters int64      `json:"deadLetters"`
	Found       []*finding `json:"found"`
	Overwritten int64      `json:"overwritten"`
	Left        int64      `json:"left"`
}

// scan is the run of a command.
type scan struct {
	scanCommand
	log    events.Log
	places map[place]*finding
	refold map[events.Campaign]bool
	out    scanned
}

// Run scans.
func (c scanCommand) Run(ctx context.Context, t cli.Terminal) error {
	var wrong cli.Problems
	c.Check(wrong.Add)
	if c.Erase && c.Why == "" {
		wrong.Add("why", "required with --erase")
	}
	if !c.Erase && c.Why+c.Who != "" {
		wrong.Add("erase", "required with --why and --who")
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	if c.Who == "" {
		c.Who = cli.Operator()
	}
	c.Quiet()
	return c.WithLog(ctx, func(log events.Log) error {
		s := &scan{scanCommand: c, log: log, places: make(map[place]*finding), refold: make(map[events.Campaign]bool)}
		s.out.Found = []*finding{}
		if err := s.run(ctx, t); err != nil {
			return cli.Interruptible(ctx, err, "the same command goes on")
		}
		return s.print(t)
	})
}

func (s *scan) run(ctx context.Context, t cli.Terminal) error {
	if s.Erase {
		access := events.Access{Command: "privacy scan --erase", Subject: "everything", Who: s.Who, Why: s.Why}
		if err := stores.Record(ctx, s.log, access); err != nil {
			return err
		}
	}
	if err := s.events(ctx, t); err != nil {
		return err
	}
	if err := s.letters(ctx); err != nil {
		return err
	}
	if err := s.erasures(ctx); err != nil {
		return err
	}
	if err := s.rows(ctx); err != nil {
		return err
	}
	again := refold{Config: &s.Config, log: s.log, logger: s.Logger(t), who: s.Who, why: "what an earlier release stored was overwritten", quiet: s.JSON}
	for _, c := range slices.Sorted(maps.Keys(s.refold)) {
		if err := again.campaign(ctx, t, c); err != nil {
			return err
		}
	}
	return nil
}

// note counts what was found; with --erase some of it goes.
func (s *scan) note(p place, at events.Position, goes bool) {
	f := s.places[p]
	if f == nil {
		f = &finding{place: p, First: at}
		s.places[p] = f
		s.out.Found = append(s.out.Found, f)
	}
	f.Count++
	if !goes || !s.Erase {
		f.Left++
		s.out.Left++
	}
}

const (
	scanPage = 1_000
	// scrubPage is how many events are overwritten before the database overwrites its files.
	scrubPage = 100_000
)

// events scans the log and overwrites page by page.
func (s *scan) events(ctx context.Context, t cli.Terminal) error {
	totals, err := s.log.Totals(ctx)
	if err != nil {
		return err
	}
	p := cli.Progress{Terminal: t, Quiet: s.JSON, Verb: "scanned", Total: int64(totals.Head)}
	defer p.End()
	var gone []events.Position
	for after := events.Position(0); ; {
		read, err := s.log.Read(ctx, after, scanPage)
		if err != nil {
			return err
		}
		if len(read) > 0 {
			overwritten, err := s.page(ctx, read)
			if err != nil {
				return err
			}
			gone = append(gone, overwritten...)
			after = read[len(read)-1].Position
			s.out.Events += int64(len(read))
			p.At(int64(after))
		}
		if len(gone) > 0 && (len(gone) >= scrubPage || len(read) == 0) {
			if err := s.log.Erasures().Scrub(ctx, gone); err != nil {
				return err
			}
			gone = gone[:0]
		}
		if len(read) == 0 {
			return nil
		}
	}
}

// page scans events that were read, and returns the positions of those that it overwrote.
func (s *scan) page(ctx context.Context, read []events.Recorded) (gone []events.Position, err error) {
	found := make(map[events.Campaign][]events.Position)
	for i := range read {
		r := &read[i]
		remnants := events.Remnants(r.Event)
		if len(remnants) == 0 {
			continue
		}
		now, differs := r.Redact()
		left := events.Remnants(now.Event)
		for _, remnant := range remnants {
			s.note(place{"log", r.Event.Type().String(), remnant.Field, remnant.Is}, r.Position, !slices.Contains(left, remnant))
		}
		if differs {
			found[r.Event.Subject()] = append(found[r.Event.Subject()], r.Position)
		}
	}
	if !s.Erase {
		return nil, nil
	}
	for _, c := range slices.Sorted(maps.Keys(found)) {
		done, err := s.log.Erasures().Redact(ctx, events.Erasure{Campaign: c, Positions: found[c], Who: s.Who, Why: s.Why})
		if err != nil {
			return nil, err
		}
		gone = append(gone, done.Positions...)
		s.out.Overwritten += int64(len(done.Positions))
	}
	return gone, nil
}

// letters scans what is not sealed of dead letters.
func (s *scan) letters(ctx context.Context) error {
	q := events.DeadLetterQuery{Limit: scanPage}
	for {
		page, err := s.log.DeadLetters().List(ctx, q)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			s.out.DeadLetters++
			s.text("deadLetters", "detail", page[i].Detail)
			if d := page[i].Discarded; d != nil {
				s.text("deadLetters", "why", d.Why)
			}
		}
		q.After = &page[len(page)-1]
	}
}

func (s *scan) text(in, field, text string) {
	if p := events.PersonalInText(text); p != events.NothingPersonal {
		s.note(place{In: in, Field: field, Holds: p.String()}, 0, false)
	}
}

// erasures scans the records of erasures. The campaigns of this command's, which may have been
// interrupted before it came to their rows, are folded anew.
func (s *scan) erasures(ctx context.Context) error {
	all, err := s.log.Erasures().List(ctx, "")
	if err != nil {
		return err
	}
	for _, e := range all {
		s.text("erasures", "why", e.Why)
		if s.Erase && len(e.Positions) > 0 && e.Who == s.Who && e.Why == s.Why {
			s.refold[e.Campaign] = true
		}
	}
	return nil
}

// rows scans the rows that are served. Those of a campaign that hold any are folded anew.
func (s *scan) rows(ctx context.Context) (err error) {
	if s.RowsPlace().Existing() != nil {
		return nil
	}
	store, closeRows, err := s.OpenRows(ctx, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeRows()) }()
	for after := events.Campaign(""); ; {
		page, err := store.Campaigns(ctx, after, scanPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, c := range page {
			if err := s.campaign(ctx, store, c); err != nil {
				return err
			}
		}
		after = page[len(page)-1]
	}
}

// print says what was found.
func (s *scan) print(t cli.Terminal) error {
	slices.SortFunc(s.out.Found, func(a, b *finding) int {
		return cmp.Or(cmp.Compare(a.In, b.In), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Holds, b.Holds))
	})
	var err error
	switch {
	case s.out.Left > 0 && s.Erase:
		err = fmt.Errorf("%w: %d are left", cli.ErrCheckFailed, s.out.Left)
	case s.out.Left > 0:
		err = fmt.Errorf("%w: %d were found; overwrite them with --erase", cli.ErrCheckFailed, s.out.Left)
	}
	if s.JSON {
		return errors.Join(json.NewEncoder(t.Out).Encode(s.out), err)
	}
	for _, f := range s.out.Found {
		where := f.In
		if f.Type != "" {
			where += ", " + f.Type
		}
		says := fmt.Sprintf("%s, %s: %s, %d times", where, f.Field, f.Holds, f.Count)
		if f.First > 0 {
			says += fmt.Sprintf(", first at position %d", f.First)
		}
		if s.Erase && f.Left > 0 {
			says += fmt.Sprintf("; %d left", f.Left)
		}
		t.Printf("%s", says)
	}
	t.Printf("scanned: %d events, %d campaigns, %d dead letters", s.out.Events, s.out.Campaigns, s.out.DeadLetters)
	if s.Erase {
		t.Printf("events overwritten: %d", s.out.Overwritten)
	}
	return err
}
