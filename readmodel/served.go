package readmodel

import (
	"maps"
	"slices"
	"strings"

	"jangbu/events"
)

// Served is what is served of several campaigns: their rows, and which other campaigns have rows
// among them. A store reads it as one range of each table, in the order of the table's key.
type Served struct {
	// After is where the range begins, exclusive; empty: it begins with First. First and Last are
	// the campaigns asked for, by bytes; empty where there is none.
	After, First, Last events.Campaign
	// Tables are those that are read.
	Tables []*ServedTable

	asked  []events.Campaign // sorted
	others map[events.Campaign]struct{}
}

// ServedTable is the rows of one table of a [Served].
type ServedTable struct {
	*Table
	served *Served
	newRow func() any
	rows   []any // sorted by key; Take takes them from the front
	next   int   // of those asked for, the first that is not before the last row
	other  events.Campaign
}

// NewServed returns what is served of the campaigns before anything of it is read.
func NewServed(after events.Campaign, of []events.Campaign, tables ...*Table) *Served {
	s := &Served{After: after, asked: slices.Sorted(slices.Values(of)), others: make(map[events.Campaign]struct{})}
	if len(of) > 0 {
		s.First, s.Last = s.asked[0], s.asked[len(s.asked)-1]
	}
	for _, t := range tables {
		s.Tables = append(s.Tables, &ServedTable{Table: t, served: s, newRow: t.manyRows()})
	}
	return s
}

// NewRow returns a zero row, which shares memory with others.
func (t *ServedTable) NewRow() any { return t.newRow() }

// Add adds the next row of the range. Of a campaign that was not asked for it keeps the name alone.
func (t *ServedTable) Add(row any) {
	c, asked := t.CampaignOf(row), t.served.asked
	for t.next < len(asked) && asked[t.next] < c {
		t.next++
	}
	switch {
	case t.next < len(asked) && asked[t.next] == c:
		t.rows = append(t.rows, row)
	case t.other != c:
		t.other = events.Campaign(strings.Clone(string(c)))
		t.served.others[t.other] = struct{}{}
	}
}

// Take removes the rows of a campaign in the table and returns them, sorted by key. Campaigns are
// taken in their order, by bytes.
func (s *Served) Take(of *Table, c events.Campaign) []any {
	for _, t := range s.Tables {
		if t.Name != of.Name {
			continue
		}
		first := 0
		for first < len(t.rows) && t.CampaignOf(t.rows[first]) < c {
			first++
		}
		end := first
		for end < len(t.rows) && t.CampaignOf(t.rows[end]) == c {
			end++
		}
		taken := t.rows[first:end]
		t.rows = t.rows[end:]
		return taken
	}
	return nil
}

// Len returns the number of rows that are not taken.
func (s *Served) Len() int {
	n := 0
	for _, t := range s.Tables {
		n += len(t.rows)
	}
	return n
}

// Others returns the campaigns of the range that have rows and were not asked for, sorted.
func (s *Served) Others() []events.Campaign { return slices.Sorted(maps.Keys(s.others)) }
