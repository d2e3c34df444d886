package readmodel

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"jangbu/events"
)

// Rows holds rows in memory, table by table, by key. Folds work on it. It is not safe
// for concurrent use, except that each table may be used by a goroutine of its own.
type Rows struct {
	sets    []set
	cleared map[events.Campaign]struct{}
}

// set holds rows of one table by key.
type set interface {
	of() *Table
	len() int
	put(row any)
	// add puts the rows of another set of the table.
	add(others set)
	// groups returns the rows of each campaign, sorted by key.
	groups() map[events.Campaign][]any
	// group returns the rows of one campaign, sorted by key.
	group(c events.Campaign) []any
	subjects(into map[events.Campaign]struct{})
	// drop removes the rows of the campaigns that are gone.
	drop(gone func(events.Campaign) bool)
}

type rowSet[K comparable, R any] struct {
	table *Table
	key   func(*R) *K
	rows  map[K]*R
}

// NewRows returns empty Rows for the tables.
func NewRows(tables ...*Table) *Rows {
	r := &Rows{sets: make([]set, len(tables))}
	for i, t := range tables {
		r.sets[i] = t.newSet()
	}
	return r
}

// Row returns the row of type R with the key, which it adds where there is none. It
// panics where [NewRows] was not given the table of such rows.
func Row[R any, K comparable](rows *Rows, k K) *R {
	s := setOf[K, R](rows)
	row := s.rows[k]
	if row == nil {
		row = new(R)
		*s.key(row) = k
		s.rows[k] = row
	}
	return row
}

// RowsOf returns all rows of type R by their keys.
func RowsOf[R any, K comparable](rows *Rows) map[K]*R { return setOf[K, R](rows).rows }

func setOf[K comparable, R any](rows *Rows) *rowSet[K, R] {
	for _, s := range rows.sets {
		if s, ok := s.(*rowSet[K, R]); ok {
			return s
		}
	}
	panic(fmt.Sprintf("readmodel: no table for rows of type %T", *new(R)))
}

// set returns the set of a table, which r must have.
func (r *Rows) set(t *Table) set {
	for _, s := range r.sets {
		if s.of().Name == t.Name {
			return s
		}
	}
	panic(fmt.Sprintf("readmodel: rows without table %s", t.Name))
}

// Add adds the rows of others, whose tables r has: the pointers, not copies. They replace rows
// with the same keys.
func (r *Rows) Add(others *Rows) {
	for _, s := range others.sets {
		r.set(s.of()).add(s)
	}
}

// Put adds a row of the table, a pointer as [Table.NewRow] returns it. It replaces a row
// with the same key.
func (r *Rows) Put(t *Table, row any) {
	for _, s := range r.sets {
		if s.of().Name == t.Name {
			s.put(row)
		}
	}
}

// Tables returns the tables that have rows.
func (r *Rows) Tables() []*Table {
	var some []*Table
	for _, s := range r.sets {
		if s.len() > 0 {
			some = append(some, s.of())
		}
	}
	return some
}

// All returns the rows of each table that has any, as pointers, sorted by key.
func (r *Rows) All() iter.Seq2[*Table, []any] {
	return func(yield func(*Table, []any) bool) {
		for _, s := range r.sets {
			if s.len() == 0 {
				continue
			}
			if !yield(s.of(), inOrder(s.groups(), s.len())) {
				return
			}
		}
	}
}

// Len returns the number of rows in all tables.
func (r *Rows) Len() int {
	n := 0
	for _, s := range r.sets {
		n += s.len()
	}
	return n
}

// Replace puts each campaign's rows, which are of the same tables, in the place of those that
// r has and of those that are stored: a write of r removes these first, in the tables of the
// projections that advance.
func (r *Rows) Replace(by map[events.Campaign]*Rows) {
	if r.cleared == nil {
		r.cleared = make(map[events.Campaign]struct{}, len(by))
	}
	for c := range by {
		r.cleared[c] = struct{}{}
	}
	for i, s := range r.sets {
		s.drop(func(c events.Campaign) bool { return by[c] != nil })
		for c, rows := range by {
			for _, row := range rows.sets[i].group(c) {
				s.put(row)
			}
		}
	}
}

// Cleared returns the campaigns whose stored rows are removed, sorted.
func (r *Rows) Cleared() []events.Campaign { return slices.Sorted(maps.Keys(r.cleared)) }

// Subjects returns the campaigns that have a row in any table, or are cleared.
func (r *Rows) Subjects() map[events.Campaign]struct{} {
	of := make(map[events.Campaign]struct{})
	maps.Copy(of, r.cleared)
	for _, s := range r.sets {
		s.subjects(of)
	}
	return of
}

// Of returns the campaign's rows as a [Reader] returns them, so that rows folded in memory
// can be served. It visits every row.
func (r *Rows) Of(c events.Campaign) CampaignRows {
	out := NewCampaignRows()
	for _, s := range r.sets {
		out.fill(s.of(), s.group(c))
	}
	return out
}

// ByCampaign returns the rows of every campaign that has a [CampaignStats] row, sorted
// by campaign, by bytes.
func (r *Rows) ByCampaign() []CampaignRows {
	of := make(map[events.Campaign]CampaignRows)
	for _, s := range r.sets {
		for c, rows := range s.groups() {
			if _, ok := of[c]; !ok {
				of[c] = NewCampaignRows()
			}
			of[c].fill(s.of(), rows)
		}
	}
	all := make([]CampaignRows, 0, len(of))
	for _, c := range slices.Sorted(maps.Keys(of)) {
		if rows := of[c]; rows.Campaign().Campaign != "" {
			all = append(all, rows)
		}
	}
	return all
}

func (s *rowSet[K, R]) of() *Table { return s.table }

func (s *rowSet[K, R]) len() int { return len(s.rows) }

func (s *rowSet[K, R]) put(row any) { s.rows[*s.key(row.(*R))] = row.(*R) }

func (s *rowSet[K, R]) add(others set) { maps.Copy(s.rows, others.(*rowSet[K, R]).rows) }

func (s *rowSet[K, R]) subjects(into map[events.Campaign]struct{}) {
	for _, row := range s.rows {
		into[s.table.CampaignOf(row)] = struct{}{}
	}
}

func (s *rowSet[K, R]) drop(gone func(events.Campaign) bool) {
	maps.DeleteFunc(s.rows, func(_ K, row *R) bool { return gone(s.table.CampaignOf(row)) })
}

func (s *rowSet[K, R]) groups() map[events.Campaign][]any {
	all := make([]any, 0, len(s.rows))
	for _, row := range s.rows {
		all = append(all, row)
	}
	return byCampaign(all, s.table.Columns[:len(s.table.Key)])
}

func (s *rowSet[K, R]) group(c events.Campaign) []any {
	var group []any
	for _, row := range s.rows {
		if s.table.CampaignOf(row) == c {
			group = append(group, row)
		}
	}
	sortOne(group, s.table.Columns[:len(s.table.Key)])
	return group
}
