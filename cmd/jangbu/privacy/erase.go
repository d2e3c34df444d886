package privacy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/privacy"
)

type eraseCommand struct {
	stores.Config
	cli.ZoneConfig
	stores.KeyConfig
	cli.LogConfig
	Campaign    events.Campaign `required:"" placeholder:"ID" help:"The campaign (eventId)."`
	Phone       string          `placeholder:"NUMBER" help:"The person with this phone number; - reads it from standard input, where no other user sees it."`
	Participant string          `placeholder:"ID" help:"The person that the producer calls so (participantId)."`
	Why         string          `required:"" placeholder:"TEXT" help:"The reason, for the record: at most 500 characters that name no person."`
	Who         string          `placeholder:"NAME" help:"Who erases. Without it, the user of this process."`
	DryRun      bool            `help:"Say what would be erased, and change nothing."`
	cli.Consent
	JSON bool `help:"Print one JSON object, and no progress."`
}

// Help implements kong's detailed help.
func (eraseCommand) Help() string {
	return `With --phone or --participant, overwrites the person's registrations in the campaign with
their erased form: position, identity, time, channel and whether the customer is new stay,
so no total changes and the chain still verifies; participant, pseudonym, gender, age and
region go. Dead letters of the campaign whose records name the person lose these. The
campaign's rows are folded anew, by a running service or else by this command, and its
cached answers follow. A record that is delivered again stays erased.

Without either, destroys the campaign's key: no phone number can be linked to its
pseudonyms any more. Its later registrations are counted, and kept without a pseudonym.
Its dead letters lose their records.

It says what there is to erase, and asks first: a phone number on standard input needs --yes.
Who, why, when and which positions are recorded in the log; none names the person. The same
command goes on with one that was interrupted, and does nothing where nothing is left. It
also has the database overwrite what it left in its files. Kafka, backups, exports made
before and PostgreSQL's write-ahead log keep what they hold until they expire.

Exits with 3 if there is nothing to erase.

Examples:
  jangbu privacy erase --campaign evt-1 --participant p-17 --why "asked by mail, DSR-88" --dry-run
  echo 010-1234-5678 | jangbu privacy erase --campaign evt-1 --phone - --why "asked by phone" --yes
  jangbu privacy erase --campaign evt-1 --why "three years over" --yes --json`
}

// erased is what was erased as JSON.
type erased struct {
	DryRun       bool              `json:"dryRun"`
	Campaign     events.Campaign   `json:"eventId"`
	Positions    []events.Position `json:"positions"`
	DeadLetters  int               `json:"deadLetters"`
	KeyDestroyed bool              `json:"keyDestroyed"`
	Sharing      int               `json:"sharing"`
	Unlinked     int               `json:"unlinked"`
	Unopened     int               `json:"unopenedDeadLetters"`
	Who          string            `json:"who"`
	Why          string            `json:"why"`
}

// Run erases.
func (c eraseCommand) Run(ctx context.Context, t cli.Terminal) error {
	if c.Who == "" {
		c.Who = cli.Operator()
	}
	times, err := c.Times()
	if err != nil {
		return err
	}
	who, err := c.person()
	if err != nil {
		return err
	}
	if !c.DryRun {
		if err := c.Askable(t); err != nil {
			return err
		}
	}
	c.Quiet()
	return c.WithLog(ctx, func(log events.Log) error {
		out, err := c.erase(ctx, t, log, who)
		if err != nil {
			return cli.Interruptible(ctx, err, "the same command goes on")
		}
		return c.print(t, times, who, out)
	})
}

// person reads the flags.
func (c *eraseCommand) person() (who privacy.Person, err error) {
	var wrong cli.Problems
	c.Check(wrong.Add)
	who = privacy.Person{Campaign: c.Campaign, Participant: c.Participant}
	if c.Phone != "" && c.Participant != "" {
		wrong.Add("participant", "--phone names the person already")
	}
	if err := (events.Erasure{Who: c.Who, Why: c.Why}).Check(); err != nil {
		return who, fmt.Errorf("%w: --%w", cli.ErrUsage, err)
	}
	if c.Participant != "" && strings.Contains(c.Why, c.Participant) {
		wrong.Add("why", "names the participant, and is kept for good")
	}
	phone := c.Phone
	if phone == "-" {
		if phone, err = readLine("the phone number"); err != nil {
			return who, err
		}
		if phone == "" {
			wrong.Add("phone", "standard input is empty")
		}
	}
	if phone != "" {
		if who.Phone, err = events.NormalizePhone(phone); err != nil {
			wrong.Add("phone", "%v", err)
		}
	}
	return who, wrong.Err()
}

// readLine reads what is asked for from standard input.
func readLine(what string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, 1024)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	return strings.TrimSpace(line), nil
}

// erase first takes the records of the dead letters, which the person's events help to find,
// then these, so that one that was killed finds the same again.
func (c *eraseCommand) erase(ctx context.Context, t cli.Terminal, log events.Log, who privacy.Person) (out erased, err error) {
	out = erased{DryRun: c.DryRun, Campaign: c.Campaign, Positions: []events.Position{}, Who: c.Who, Why: c.Why}
	keeper, keys, closeKeys, err := c.OpenKeeper(ctx, log, &c.Config, c.DryRun)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, closeKeys()) }()
	if err := stores.Record(ctx, log, c.access()); err != nil {
		return out, err
	}
	var found privacy.Traces
	err = stores.Patiently(ctx, func() (err error) {
		found, err = keeper.Trace(ctx, log, who)
		return err
	})
	if err != nil {
		return out, err
	}
	before, err := log.Erasures().List(ctx, c.Campaign)
	if err != nil {
		return out, err
	}
	out.Positions, out.DeadLetters = append(out.Positions, found.Positions...), len(found.Letters)
	out.Sharing, out.Unlinked, out.Unopened = found.Sharing, found.Unlinked, found.Unopened
	if whole := who.Phone == "" && who.Participant == ""; whole {
		if out.KeyDestroyed, err = c.keyExists(ctx, log, keys); err != nil {
			return out, err
		}
	}
	if c.DryRun {
		return out, nil
	}
	if err := c.ask(ctx, t, out); err != nil {
		return out, err
	}
	if err := c.discard(ctx, log, found.Letters); err != nil {
		return out, err
	}
	if out.KeyDestroyed {
		if err := keeper.Destroy(ctx, c.Campaign); err != nil {
			return out, err
		}
		if _, err := log.Erasures().Erase(ctx, events.Erasure{Campaign: c.Campaign, Who: out.Who, Why: out.Why}); err != nil {
			return out, err
		}
	}
	for some := range slices.Chunk(found.Positions, events.MaxErased) {
		if _, err := log.Erasures().Erase(ctx, events.Erasure{Campaign: c.Campaign, Positions: some, Who: out.Who, Why: out.Why}); err != nil {
			return out, err
		}
	}
	gone := found.Positions // and those of one that was killed, which may have left the rest
	for _, e := range before {
		gone = append(gone, e.Positions...)
	}
	if len(gone) > 0 {
		again := refold{Config: &c.Config, log: log, logger: c.Logger(t), who: c.Who, why: "a person was erased", quiet: c.JSON}
		if err := stores.Patiently(ctx, func() error { return again.campaign(ctx, t, c.Campaign) }); err != nil {
			return out, err
		}
	}
	if len(gone)+out.DeadLetters > 0 {
		return out, stores.Patiently(ctx, func() error { return log.Erasures().Scrub(ctx, gone) })
	}
	return out, nil
}

// ask asks before anything is erased.
func (c *eraseCommand) ask(ctx context.Context, t cli.Terminal, out erased) error {
	switch {
	case out.KeyDestroyed:
		return c.Ask(ctx, t, "the key of campaign %s is destroyed for good, and the records of %d dead letters are erased", cli.Legible(string(c.Campaign)), out.DeadLetters)
	case len(out.Positions)+out.DeadLetters > 0:
		return c.Ask(ctx, t, "%d registrations and the records of %d dead letters are erased for good", len(out.Positions), out.DeadLetters)
	}
	return nil
}

// access returns the record of the command, which opens dead letters and looks for a person also
// where it changes nothing.
func (c *eraseCommand) access() events.Access {
	a := events.Access{Command: "privacy erase", Subject: fmt.Sprintf("a person in campaign %q", c.Campaign), Who: c.Who, Why: c.Why}
	if c.DryRun {
		a.Command += " --dry-run"
	}
	if c.Phone == "" && c.Participant == "" {
		a.Subject = fmt.Sprintf("the key of campaign %q", c.Campaign)
	}
	return a
}

// keyExists reports whether the campaign has something to erase as a whole: a key, or events
// that may get one.
func (c *eraseCommand) keyExists(ctx context.Context, log events.Log, keys events.Keys) (bool, error) {
	stored, err := keys.Keys(ctx, []events.Campaign{c.Campaign})
	if err != nil {
		return false, err
	}
	if wrapped, ok := stored[c.Campaign]; ok && len(wrapped) > 0 {
		return true, nil
	} else if ok {
		before, err := log.Erasures().List(ctx, c.Campaign)
		recorded := slices.ContainsFunc(before, func(e events.Erasure) bool { return len(e.Positions) == 0 })
		return !recorded, err // it was killed before it recorded
	}
	read, err := log.ReadStream(ctx, events.Stream{Campaign: c.Campaign, Limit: 1})
	return len(read) > 0, err
}

// lettersAtOnce is how many dead letters are changed in one transaction.
const lettersAtOnce = 200

func (c *eraseCommand) discard(ctx context.Context, log events.Log, letters []events.ID) error {
	by := events.Discarded{By: c.Who, Why: c.Why}
	for some := range slices.Chunk(letters, lettersAtOnce) {
		if _, err := log.DeadLetters().Discard(ctx, some, by); err != nil {
			return err
		}
	}
	return nil
}

// print says what was erased.
func (c *eraseCommand) print(t cli.Terminal, times cli.Times, who privacy.Person, out erased) error {
	switch {
	case len(out.Positions) == 0 && out.DeadLetters == 0 && !out.KeyDestroyed:
		c.warn(t, who, out)
		return fmt.Errorf("%w: nothing of it is left to erase", cli.ErrNothing)
	case c.JSON:
		return json.NewEncoder(t.Out).Encode(out)
	}
	did := "erased"
	if c.DryRun {
		did = "would be erased"
	}
	if out.KeyDestroyed {
		t.Printf("the key of campaign %s %s: no phone number leads to its pseudonyms any more", cli.Legible(string(c.Campaign)), did)
	} else {
		t.Printf("registrations %s: %d, in campaign %s", did, len(out.Positions), cli.Legible(string(c.Campaign)))
	}
	t.Printf("records of dead letters %s: %d", did, out.DeadLetters)
	if !c.DryRun {
		t.Printf("by %s at %s: %s", cli.Legible(out.Who), times.Format(time.Now()), cli.Legible(out.Why))
	}
	c.warn(t, who, out)
	return nil
}

// warn says what may hold the person still.
func (c *eraseCommand) warn(t cli.Terminal, who privacy.Person, out erased) {
	if out.Sharing > 0 {
		t.Warnf("jangbu: %d other registrations of the campaign have the same phone number: --phone erases them too", out.Sharing)
	}
	if out.Unlinked > 0 && who.Phone != "" {
		t.Warnf("jangbu: %d registrations of the campaign have no pseudonym, so that no phone number leads to them: --participant erases them", out.Unlinked)
	}
	if out.Unopened > 0 {
		t.Warnf("jangbu: %d dead letters are not opened by this master key, and may name the person: jangbu deadletters discard takes their records", out.Unopened)
	}
}
