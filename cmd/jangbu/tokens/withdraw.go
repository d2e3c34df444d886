package tokens

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

// withdrawCommand takes a right to read from a subject.
type withdrawCommand struct {
	stores.Config
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

Who, why and when are recorded with the log.

Examples:
  jangbu token withdraw --subject kim --why "left the company"
  jangbu token withdraw --subject kim --shop store-1 --why "the shop was sold" --json`
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
	w := events.WithdrawnRight{Subject: c.Subject, Shop: c.Shop, Who: c.Who, Why: c.Why}
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
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(struct {
				Subject string      `json:"subject"`
				Shop    events.Shop `json:"storeId,omitempty"`
				Who     string      `json:"who"`
				Why     string      `json:"why"`
				At      time.Time   `json:"at"`
			}{w.Subject, w.Shop, w.Who, w.Why, w.At})
		}
		if c.Shop != "" {
			t.Printf("tokens of %s that were issued before %s read nothing of shop %s any more", cli.Legible(w.Subject), w.At.Format(time.RFC3339), cli.Legible(string(w.Shop)))
			return nil
		}
		t.Printf("tokens of %s that were issued before %s read nothing any more", cli.Legible(w.Subject), w.At.Format(time.RFC3339))
		return nil
	})
}
