package analyse

import (
	"strconv"

	"jangbu/cmd/jangbu/cli"
)

// table returns one line for each campaign: its four numbers and, with assumptions, the two
// that these change.
func (r replayed) table(assumed bool) cli.Table {
	out := cli.Table{Head: []string{"eventId", "title", "totalParticipants", "totalExposure", "roiPercent", "salesGrowthPercent"}, Texts: 2}
	if assumed {
		out.Head = append(out.Head, "whatIfRoiPercent", "whatIfSalesGrowthPercent")
	}
	for _, c := range r.Campaigns {
		title := ""
		if c.Title != nil {
			title = *c.Title
		}
		line := []string{
			string(c.Campaign), title, strconv.FormatInt(c.Summary.TotalParticipants, 10), whole(c.Summary.TotalExposure),
			optional(c.Summary.ROIPercent), optional(c.Summary.SalesGrowthPercent),
		}
		if assumed {
			line = append(line, optional(c.WhatIf.Summary.ROIPercent), optional(c.WhatIf.Summary.SalesGrowthPercent))
		}
		out.Lines = append(out.Lines, line)
	}
	return out
}

// optional returns a number as text; empty if there is none.
func optional(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', -1, 64)
}

// whole returns a whole number as text; empty if there is none.
func whole(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
