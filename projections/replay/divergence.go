package replay

import (
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

// Divergence is a place where what is served is not the fold of the log.
type Divergence struct {
	Campaign events.Campaign `json:"eventId,omitempty"` // empty where the divergence is not of one campaign
	// The field is empty also where the table's checkpoint is wrong.
	readmodel.Difference
}

// String returns the divergence in one line.
func (d *Divergence) String() string {
	if d.Campaign == "" {
		return d.Difference.String()
	}
	return fmt.Sprintf("campaign %q: %s", d.Campaign, d.Difference)
}
