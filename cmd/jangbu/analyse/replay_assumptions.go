package analyse

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"jangbu/events"
	"jangbu/readmodel/dashboard"
)

// assumed is the flag that assumes amounts of campaigns: AMOUNT=WON, repeated.
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

// Validate returns an error for an amount that cannot be assumed.
func (a assumed) Validate() error { return dashboard.Assumptions(a).Validate() }
