package readmodel

import (
	"fmt"
	"iter"
	"maps"
	"slices"
)

// Keys names rows, table by table. A fold names so what a batch touches. It is not safe for
// concurrent use.
type Keys struct {
	tables    []keyTable
	campaigns campaigns[keys] // a campaign has a key in one table at least; the others may be nil
}

// keyTable is one table of [Keys].
type keyTable interface {
	of() *Table
	count(more int) int
	newKeys() keys
}

// keys names rows of one campaign in one table.
type keys interface {
	// appendSorted appends the keys, as pointers, sorted.
	appendSorted(to []any) []any
	// take removes the keys of rows in a set of the same table, puts these rows into others, if
	// there are any, in the table at place i, and reports whether no key is left.
	take(from set, i int, to *Rows) bool
}

type keySet[K comparable, R any] struct {
	byKey[K, struct{}]
	*typed[K, R]
}

// NewKeys returns empty Keys for the tables.
func NewKeys(tables ...*Table) *Keys {
	k := &Keys{tables: make([]keyTable, len(tables)), campaigns: newCampaigns[keys](len(tables))}
	for i, t := range tables {
		k.tables[i] = t.newKeys()
	}
	return k
}

// Touch names the rows of type R with the keys. It panics where [NewKeys] was not given
// the table of such rows.
func Touch[R any, K comparable](to *Keys, all ...K) {
	for i, t := range to.tables {
		if t, ok := t.(*typed[K, R]); ok {
			for _, k := range all {
				t.touch(to, i, k)
			}
			return
		}
	}
	panic(fmt.Sprintf("readmodel: no table for keys of rows of type %T", *new(R)))
}

func (t *typed[K, R]) touch(to *Keys, i int, k K) {
	t.probe = k
	c := addNamed(&to.campaigns, t.campaign())
	if c.sets[i] == nil {
		c.sets[i] = t.newKeys()
	}
	s := c.sets[i].(*keySet[K, R])
	tag := t.tag()
	if _, there := s.get(&t.probe, tag); !there {
		s.add(&t.probe, tag, struct{}{})
		t.n++
	}
}

// Room returns empty [Rows] for the tables of these keys, into which what is stored under them is
// loaded. A row that [Row] adds to them is therefore not stored: the fold that adds it has named it.
func (k *Keys) Room() *Rows {
	tables := make([]*Table, len(k.tables))
	for i, t := range k.tables {
		tables[i] = t.of()
	}
	r := NewRows(tables...)
	r.loaded = true
	return r
}

// Take removes the keys under which from, rows of these tables and maybe others, has a row, and puts
// these rows, the pointers, into to; nil drops them.
func (k *Keys) Take(from, to *Rows) {
	places, targets := make([]int, len(k.tables)), make([]int, len(k.tables))
	for i, t := range k.tables {
		places[i] = from.place(t.of())
		if to != nil {
			targets[i] = to.place(t.of())
		}
	}
	k.campaigns.last = nil
	for name, c := range k.campaigns.all {
		of := from.campaigns.all[name]
		if of == nil {
			continue
		}
		left := false
		for i, s := range c.sets {
			if s == nil {
				continue
			}
			if some := of.sets[places[i]]; some != nil && s.take(some, targets[i], to) {
				c.sets[i] = nil
				continue
			}
			left = true
		}
		if !left {
			delete(k.campaigns.all, name)
		}
	}
}

// Len returns the number of keys in all tables.
func (k *Keys) Len() int {
	n := 0
	for _, t := range k.tables {
		n += t.count(0)
	}
	return n
}

// Tables returns the tables that have keys.
func (k *Keys) Tables() []*Table {
	var some []*Table
	for _, t := range k.tables {
		if t.count(0) > 0 {
			some = append(some, t.of())
		}
	}
	return some
}

// All returns the keys of each table that has any, as pointers, sorted.
func (k *Keys) All() iter.Seq2[*Table, []any] {
	return func(yield func(*Table, []any) bool) {
		names := slices.Sorted(maps.Keys(k.campaigns.all))
		for i, t := range k.tables {
			if t.count(0) > 0 && !yield(t.of(), inOrder(&k.campaigns, names, i, t.count(0))) {
				return
			}
		}
	}
}

func (t *typed[K, R]) newKeys() keys { return &keySet[K, R]{typed: t} }

func (s *keySet[K, R]) take(from set, i int, to *Rows) bool {
	rows, all := from.(*rowSet[K, R]), s.len()
	s.removeFunc(func(k *K) bool {
		s.probe = *k
		h, there := rows.get(&s.probe, s.tag())
		if there && to != nil {
			to.tables[i].put(to, i, h.row)
		}
		return there
	})
	s.n -= all - s.len()
	return s.len() == 0
}

func (s *keySet[K, R]) appendSorted(to []any) []any {
	n, copied := len(to), make([]K, 0, s.len())
	for k := range s.each() {
		copied = append(copied, k)
		to = append(to, &copied[len(copied)-1])
	}
	sortOne(to[n:], s.table.Key)
	return to
}
