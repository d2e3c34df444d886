package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

type nameCommand struct {
	stores.Config
	stores.KeyConfig
	ID   string `arg:"" placeholder:"ID" help:"The id of a campaign or shop (eventId, storeId) as it was sent; - reads it from standard input, where no other user sees it."`
	JSON bool   `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (nameCommand) Help() string {
	return `Prints the name that jangbu privacy scan --erase gives to an id of a campaign or shop that is or
holds what identifies a person, made of it under the master key. It is the same before and after
a rotation. Whatever names the id elsewhere, such as the tokens of the shop, has to name this
one from then on. An id that identifies no person keeps its name, which is printed then.

Examples:
  jangbu privacy name evt-1
  echo 010-1234-5678 | jangbu privacy name -`
}

// Run prints the name.
func (c nameCommand) Run(ctx context.Context, t cli.Terminal) error {
	id := c.ID
	if id == "-" {
		var err error
		if id, err = readLine("the id"); err != nil {
			return err
		}
	}
	if id == "" {
		return fmt.Errorf("%w: ID: is empty", cli.ErrUsage)
	}
	return c.WithLog(ctx, func(log events.Log) (err error) {
		keeper, _, closeKeys, err := c.OpenKeeper(ctx, log, &c.Config, true)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeKeys()) }()
		namer, err := keeper.Namer()
		if err != nil {
			return err
		}
		name := events.RedactID(id, namer)
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(struct {
				Name string `json:"name"`
			}{name})
		}
		t.Printf("%s", cli.Legible(name))
		return nil
	})
}
