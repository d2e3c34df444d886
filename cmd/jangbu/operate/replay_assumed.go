package operate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"jangbu/events"
	"jangbu/readmodel/dashboard"
)

// assumed is what is assumed of a campaign's amounts, as AMOUNT=WON, again and again.
type assumed dashboard.Assumptions

// Decode implements [kong.MapperValue].
func (a *assumed) Decode(c *kong.DecodeContext) error {
	var text string
	if err := c.Scan.PopValueInto("AMOUNT=WON", &text); err != nil {
		return err
	}
	name, value, _ := strings.Cut(text, "=")
	won, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return fmt.Errorf("%q: expected an amount in whole won, such as prizeCost=500000", text)
	}
	if *a == nil {
		*a = make(assumed)
	}
	(*a)[name] = events.Won(won)
	return nil
}

// Validate returns an error where something is assumed that cannot be.
func (a assumed) Validate() error { return dashboard.Assumptions(a).Validate() }
