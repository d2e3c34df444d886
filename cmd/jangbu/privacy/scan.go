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
	"jangbu/events/privacy"
)

type scanCommand struct {
	stores.Config
	stores.KeyConfig
	cli.LogConfig
	Erase bool   `help:"Overwrite what is found."`
	Why   string `placeholder:"TEXT" help:"With --erase: the reason, for the record; at most 500 characters that name no person."`
	Who   string `placeholder:"NAME" help:"With --erase: who does it. Without it, the user of this process."`
	cli.Consent
	JSON bool `help:"Print one JSON object, and no progress."`
}

// Help implements kong's detailed help.
func (scanCommand) Help() string {
	return `Looks for what an earlier release stored and this one refuses or does not store: phone,
resident and card numbers and mail addresses, in any spelling, in the ids and texts of the log,
of the rows of every generation, of the records of operations, erasures, accesses and withdrawn
rights, of what is readable of dead letters, and in the names of the campaigns' keys; and texts
of the public (channel, gender, ageGroup, region) that name what is on no list. It prints where
it is and what it is, and never the value.

With --erase, asks first, and overwrites what holds any, like an erasure: texts become what they name ("other"
where that is nothing), numbers and addresses in other texts three asterisks, a registration
whose participantId is or holds one is erased, and the ids of campaigns and shops become
"erased-" with 16 letters, the same for the same id everywhere. These are made of the id under
the master key, which --erase needs then: no list of them is kept, and without the key no number
can be tried out. jangbu privacy name says the name of an id, for what names it elsewhere: a
shop's tokens name its new id from then on. Positions, identities, totals and the chain stay,
and a record that is delivered again is refused, or stays a duplicate.

The rows concerned are folded anew, by a running service or else by this command; where they hold
any, all are, twice, so that no generation is left to roll back to that does. Cached answers
follow; keys in Redis go within five minutes. At the end the databases write their files anew,
for which reads and appends wait on PostgreSQL: about a second for 100 MB. Upgrade every
process first. Who, why, when and which positions are recorded in the log. The same command goes
on with one that was interrupted.

What is sealed of dead letters stays, and can be retried. Identities and the digests that the
chain is made of stay too: they are hashes, by which one who has the database, and guesses a
number, can tell that it was there. Kafka, backups, exports made before and PostgreSQL's
write-ahead log keep what they hold until they expire.

Exits with 4 if anything was found, or with --erase if anything is left.

Examples:
  jangbu privacy scan
  jangbu privacy scan --json
  jangbu privacy scan --erase --why "the audit of 2026, DSR-90"
  jangbu privacy scan --erase --why "the audit of 2026, DSR-90" --yes --json`
}

// place is where something was found, and what it is.
type place struct {
	In    string `json:"in"` // log, rows, operations, deadLetters, erasures, accesses, rights or keys
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
	// changed says that something was overwritten, by this run or by one that it goes on with.
	changed bool
	keeper  *privacy.Keeper // nil before an id was to be replaced
	namer   events.Namer    // of the keeper
	closes  []func() error
	out     scanned
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
		err := s.run(ctx, t)
		for _, closing := range s.closes {
			err = errors.Join(err, closing())
		}
		if err != nil {
			return cli.Interruptible(ctx, err, "the same command goes on")
		}
		return s.print(t)
	})
}

// scanErase is the name of the command in the record of accesses.
const scanErase = "privacy scan --erase"

func (s *scan) run(ctx context.Context, t cli.Terminal) error {
	if s.Erase {
		access := events.Access{Command: scanErase, Subject: "everything", Who: s.Who, Why: s.Why}
		if err := access.Check(); err != nil {
			return fmt.Errorf("%w: --%w", cli.ErrUsage, err)
		}
		totals, err := s.log.Totals(ctx)
		if err != nil {
			return err
		}
		if err := s.Ask(ctx, t, "what identifies a person in %d events, in their rows and in dead letters and records is overwritten for good", totals.Head); err != nil {
			return err
		}
		if err := stores.Record(ctx, s.log, access); err != nil {
			return err
		}
	}
	steps := []func() error{
		func() error { return s.events(ctx, t) },
		func() error { return s.letters(ctx) },
		func() error { return s.erasures(ctx) },
		func() error { return s.accesses(ctx) },
		func() error { return s.rights(ctx) },
		func() error { return s.keys(ctx) },
		func() error { return s.rows(ctx, t) },
		func() error { return s.compact(ctx) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// redacting calls redact to see what is to be overwritten, and with --erase once more with the
// names of the master key if it is to replace an id. It reports whether redact changes anything
// that is to be overwritten.
func (s *scan) redacting(ctx context.Context, redact func(events.Namer) bool) (bool, error) {
	needed := false
	differs := redact(func(string) string { needed = true; return "erased" })
	if !differs || !s.Erase {
		return false, nil
	}
	if s.changed = true; !needed {
		return true, nil
	}
	if err := s.openKeeper(ctx); err != nil {
		return false, err
	}
	return redact(s.namer), nil
}

func (s *scan) openKeeper(ctx context.Context) error {
	if s.keeper != nil {
		return nil
	}
	keeper, _, closeKeys, err := s.OpenKeeper(ctx, s.log, &s.Config, false)
	if err != nil {
		return fmt.Errorf("an id is to be replaced, which takes the master key: %w", err)
	}
	s.closes = append(s.closes, closeKeys)
	if s.namer, err = keeper.Namer(); err == nil {
		s.keeper = keeper
	}
	return err
}

// compact has the log's files written anew.
func (s *scan) compact(ctx context.Context) error {
	if !s.changed {
		return nil
	}
	return s.log.Erasures().Compact(ctx)
}

// note counts what was found; with --erase it goes.
func (s *scan) note(p place, at events.Position) {
	f := s.places[p]
	if f == nil {
		f = &finding{place: p, First: at}
		s.places[p] = f
		s.out.Found = append(s.out.Found, f)
	}
	if f.Count++; !s.Erase {
		s.left(p, 1)
	}
}

// left counts what was noted and is not overwritten.
func (s *scan) left(p place, n int64) {
	if f := s.places[p]; f != nil {
		f.Left += n
		s.out.Left += n
	}
}

const scanPage = 1_000

// events scans the log and overwrites page by page.
func (s *scan) events(ctx context.Context, t cli.Terminal) error {
	totals, err := s.log.Totals(ctx)
	if err != nil {
		return err
	}
	p := cli.Progress{Terminal: t, Quiet: s.JSON, Verb: "scanned", Total: int64(totals.Head)}
	defer p.End()
	for after := events.Position(0); ; {
		read, err := s.log.Read(ctx, after, scanPage)
		if err != nil || len(read) == 0 {
			return err
		}
		if err := s.page(ctx, read); err != nil {
			return err
		}
		after = read[len(read)-1].Position
		s.out.Events += int64(len(read))
		p.At(int64(after))
	}
}

// page scans events that were read.
func (s *scan) page(ctx context.Context, read []events.Recorded) error {
	found := make(map[events.Campaign][]events.Position)
	for i := range read {
		for _, remnant := range events.Remnants(read[i].Event) {
			s.note(place{"log", read[i].Event.Type().String(), remnant.Field, remnant.Is}, read[i].Position)
		}
	}
	_, err := s.redacting(ctx, func(name events.Namer) (differ bool) {
		clear(found)
		for i := range read {
			if _, differs := read[i].Redact(name); differs {
				c := read[i].Event.Subject()
				found[c], differ = append(found[c], read[i].Position), true
			}
		}
		return differ
	})
	if err != nil || !s.Erase {
		return err
	}
	for _, c := range slices.Sorted(maps.Keys(found)) {
		done, err := s.log.Erasures().Redact(ctx, events.Erasure{Campaign: c, Positions: found[c], Who: s.Who, Why: s.Why}, s.namer)
		if err != nil {
			return err
		}
		s.out.Overwritten += int64(len(done.Positions))
	}
	return nil
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
