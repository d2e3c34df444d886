package replay

import (
	"strconv"

	"jangbu/events"
	"jangbu/readmodel"
)

// These stand in a [readmodel.Difference] for a row that is on one side only, and for a field
// without a value.
const (
	noRow   = "no row"
	aRow    = "a row"
	nothing = "nothing"
)

// differences compares all fields of all rows of a campaign, those that are served with
// those that were folded. It calls see with each difference, in the order of the tables and by key,
// and returns how many rows it compared.
func (v *verifier) differences(tables []*readmodel.Table, c events.Campaign, served *readmodel.Served, folded *readmodel.Rows, see func(readmodel.Difference)) (rows int64) {
	for _, t := range tables {
		v.buffer = folded.AppendIn(v.buffer[:0], t, c)
		// Both sides are sorted by key: they are merged.
		for s, f := served.Take(t, c), v.buffer; len(s) > 0 || len(f) > 0; rows++ {
			var a, b any // the rows of the next key
			order := 0
			switch {
			case len(f) == 0:
				order = -1
			case len(s) == 0:
				order = 1
			default:
				order = t.Compare(s[0], f[0])
			}
			if order <= 0 {
				a, s = s[0], s[1:]
			}
			if order >= 0 {
				b, f = f[0], f[1:]
			}
			differencesOf(t, a, b, see)
		}
	}
	return rows
}

// differencesOf compares two rows of one key; nil is no row.
func differencesOf(t *readmodel.Table, served, folded any, see func(readmodel.Difference)) {
	switch {
	case served == nil:
		see(readmodel.Difference{Table: t.Name, Key: t.KeyText(folded), Served: noRow, Folded: aRow})
		return
	case folded == nil:
		see(readmodel.Difference{Table: t.Name, Key: t.KeyText(served), Served: aRow, Folded: noRow})
		return
	}
	for i := len(t.Key); i < len(t.Columns); i++ {
		if c := &t.Columns[i]; !c.Equal(served, folded) {
			see(readmodel.Difference{Table: t.Name, Key: t.KeyText(served), Field: c.Field, Served: show(*c, served), Folded: show(*c, folded)})
		}
	}
}

// show returns the field's value as text. Different values have different texts.
func show(c readmodel.Column, row any) string {
	text := c.Text(row)
	switch {
	case c.Kind == readmodel.Text:
		return strconv.Quote(text)
	case text == "":
		return nothing
	default:
		return text
	}
}
