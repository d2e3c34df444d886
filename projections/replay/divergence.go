package replay

import (
	"fmt"

	"jangbu/events"
)

// Divergence is a place where what is served is not the fold of the log.
type Divergence struct {
	Campaign events.Campaign // empty where the divergence is not of one campaign
	Table    string
	// Key is that of the row within the campaign; empty where there is one row.
	Key string
	// Field is the row's, as in readmodel; empty where one side has no such row, or the
	// table's checkpoint is wrong.
	Field          string
	Served, Folded string
	// Position is the checkpoint at which the two were compared.
	Position events.Position
}

// String returns the divergence in one line.
func (d *Divergence) String() string {
	at := d.Table
	if d.Campaign != "" {
		at = fmt.Sprintf("campaign %q: %s", d.Campaign, at)
	}
	if d.Key != "" {
		at += fmt.Sprintf(" %q", d.Key)
	}
	if d.Field != "" {
		at += " " + d.Field
	}
	return fmt.Sprintf("%s: served %s, folded %s, at position %d", at, d.Served, d.Folded, d.Position)
}
