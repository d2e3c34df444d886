package readmodel

import "slices"

// CampaignRows holds the rows of one campaign, read at one moment from the active
// generations.
type CampaignRows struct {
	// Revision is that of the store at that moment.
	Revision Revision
	// Tables holds the rows of each table by the table's name, sorted by key: texts by
	// bytes, times by time. A table without a row of the campaign has no list.
	Tables map[string]List
}

// List holds the rows of one table of one campaign.
type List interface {
	// Len returns how many rows there are.
	Len() int
	// Row returns a pointer to a row.
	Row(i int) any
	// Append appends a zero row and returns a pointer to it, which is valid until the
	// next call.
	Append() any

	add(row any)
}

type list[R any] []R

// NewCampaignRows returns an empty CampaignRows.
func NewCampaignRows() CampaignRows { return CampaignRows{Tables: make(map[string]List)} }

// Append appends a zero row of the table and returns a pointer to it, which is valid
// until the next call.
func (r CampaignRows) Append(t *Table) any { return r.list(t).Append() }

// Empty reports whether there are no rows.
func (r CampaignRows) Empty() bool { return len(r.Tables) == 0 }

// Of returns the rows of the table, as pointers.
func (r CampaignRows) Of(t *Table) []any {
	list := r.Tables[t.Name]
	if list == nil {
		return nil
	}
	rows := make([]any, list.Len())
	for i := range rows {
		rows[i] = list.Row(i)
	}
	return rows
}

func (r CampaignRows) list(t *Table) List {
	rows := r.Tables[t.Name]
	if rows == nil {
		rows = t.newList(0)
		r.Tables[t.Name] = rows
	}
	return rows
}

// fill appends copies of the rows.
func (r CampaignRows) fill(t *Table, rows []any) {
	for _, row := range rows {
		list := r.list(t)
		list.add(row)
		for _, c := range t.Columns {
			if c.Kind == ByLabel { // of which a row that is folded further is the owner
				counts := c.At(list.Row(list.Len() - 1)).(*Counts)
				*counts = slices.Clone(*counts)
			}
		}
	}
}

// listOf returns the rows of the table of that name.
func listOf[R any](r CampaignRows, table string) []R {
	if rows, ok := r.Tables[table].(*list[R]); ok {
		return *rows
	}
	return nil
}

// Len implements [List].
func (l *list[R]) Len() int { return len(*l) }

// Row implements [List].
func (l *list[R]) Row(i int) any { return &(*l)[i] }

// Append implements [List].
func (l *list[R]) Append() any {
	*l = append(*l, *new(R))
	return &(*l)[len(*l)-1]
}

func (l *list[R]) add(row any) { *l = append(*l, *row.(*R)) }
