package tokens

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

// withdrawCommand takes a right to read from a subject.
type withdrawCommand struct {
	stores.Config
	cli.ZoneConfig
	stores.KeyConfig
	stores.CacheKeyConfig
	Subject string      `required:"" placeholder:"NAME" help:"The subject of the tokens: their sub."`
	Shop    events.Shop `aliases:"store" placeholder:"ID" help:"The shop whose campaigns they may not read any more. Without it, they may read nothing."`
	Why     string      `required:"" placeholder:"TEXT" help:"The reason, for the record: at most 500 characters."`
	Who     string      `placeholder:"NAME" help:"Who does it. Without it, the user of this process."`
	JSON    bool        `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (withdrawCommand) Help() string {
	return `Tokens of the subject that were issued until now, or up to 30 s later, lose the right before they
end: every process that serves the read API learns of it within seconds, and ends the streams
concerned. A token that is issued later has it again, so have the identity provider issue none with
it. A token for all shops, as an analyst's, loses everything where it loses a shop.

Who, why and when are recorded with the log. A subject that is or holds a phone, resident or card
number or a mail address is not: of it a hash is recorded, under a key that is derived from that
of --cache-key-file, or from the master key. A process that serves the read API without that key
cannot tell who it is, and takes the right from all subjects that are such ones; as always, from
tokens that were issued until now, so these persons sign in again. What an earlier release
recorded in plain is hashed by this command, and by a service that starts, where the key is given.

Examples:
  jangbu token withdraw --subject kim --why "left the company"
  jangbu token withdraw --subject kim --shop store-1 --why "the shop was sold" --json
  jangbu token withdraw --database-url postgres://… --cache-key-file cache.key \
    --subject kim@example.com --why "left the company"`
}

// Run withdraws the right.
func (c withdrawCommand) Run(ctx context.Context, t cli.Terminal) error {
	var wrong cli.Problems
	c.Check(wrong.Add)
	if err := wrong.Err(); err != nil {
		return err
	}
	if c.Who == "" {
		c.Who = cli.Operator()
	}
	times, err := c.Times()
	if err != nil {
		return err
	}
	subject, err := c.subject()
	if err != nil {
		return err
	}
	w := events.WithdrawnRight{Subject: subject, Shop: c.Shop, Who: c.Who, Why: c.Why}
	if err := w.Check(); err != nil {
		return fmt.Errorf("%w: --%w", cli.ErrUsage, err)
	}
	return c.WithLog(ctx, func(log events.Log) error {
		what := "all"
		if c.Shop != "" {
			what = "shop " + string(c.Shop)
		}
		// The subject is in the record of the right itself.
		if err := stores.Record(ctx, log, events.Access{Command: "token withdraw", Subject: what, Who: w.Who, Why: w.Why}); err != nil {
			return err
		}
		w, err := log.Rights().Withdraw(ctx, w)
		if err != nil {
			return cli.Interruptible(ctx, err, "the right may have been withdrawn; the same command is always right")
		}
		if err := c.print(t, times, w); err != nil {
			return err
		}
		return c.conceal(ctx, log)
	})
}

// subject returns the subject, hashed where it identifies a person.
func (c withdrawCommand) subject() (events.Subject, error) {
	subject, err := events.SubjectKey{}.Subject(c.Subject)
	if errors.Is(err, events.ErrNoSubjectKey) {
		key, err := c.CacheKey(&c.Config, c.KeyConfig, "for a subject that identifies a person")
		if err != nil {
			return events.Subject{}, err
		}
		hash, err := key.SubjectKey()
		if err != nil {
			return events.Subject{}, err
		}
		return hash.Subject(c.Subject)
	}
	if err != nil {
		return events.Subject{}, fmt.Errorf("%w: --%w", cli.ErrUsage, err)
	}
	return subject, nil
}

// conceal hashes the subjects that an earlier release has recorded in plain, if there is a key.
func (c withdrawCommand) conceal(ctx context.Context, log events.Log) error {
	key, err := c.SubjectKey(&c.Config, c.KeyConfig)
	if err == nil && key != (events.SubjectKey{}) {
		_, err = log.Rights().Conceal(ctx, key)
	}
	if err != nil {
		return fmt.Errorf("the right is withdrawn; subjects that an earlier release recorded in plain may be left: %w", err)
	}
	return nil
}

// print says what was withdrawn. It names no person.
func (c withdrawCommand) print(t cli.Terminal, times cli.Times, w events.WithdrawnRight) error {
	if c.JSON {
		out := struct {
			Subject string      `json:"subject,omitempty"`
			Hash    string      `json:"subjectHash,omitempty"`
			Key     string      `json:"subjectKey,omitempty"`
			Shop    events.Shop `json:"storeId,omitempty"`
			Who     string      `json:"who"`
			Why     string      `json:"why"`
			At      time.Time   `json:"at"`
		}{Shop: w.Shop, Who: w.Who, Why: w.Why, At: w.At}
		name, key, hash := w.Subject.Kept()
		out.Subject, out.Key, out.Hash = name, hex.EncodeToString(key), hex.EncodeToString(hash)
		return json.NewEncoder(t.Out).Encode(out)
	}
	subject, of := "a subject that identifies a person, recorded as a hash,", ""
	if name := w.Subject.Name(); name != "" {
		subject = cli.Legible(name)
	}
	if c.Shop != "" {
		of = " of shop " + cli.Legible(string(w.Shop))
	}
	t.Printf("tokens of %s that were issued before %s read nothing%s any more", subject, times.Format(w.At), of)
	return nil
}
