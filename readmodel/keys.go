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
	sorted() []any
	// among puts the rows of some, a set of the same table or nil, that have the keys into found,
	// and the other keys into others, whose tables have the place i.
	among(some set, i int, found *Rows, others *Keys)
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

// Among returns those of the rows, which are of these tables and maybe others, that have a key,
// and the keys that none of them has.
func (k *Keys) Among(some *Rows) (found *Rows, others *Keys) {
	found = k.Room()
	others = &Keys{tables: make([]keyTable, len(k.tables)), campaigns: newCampaigns[keys](len(k.tables))}
	places := make([]int, len(k.tables))
	for i, t := range k.tables {
		others.tables[i] = t.of().newKeys()
		places[i] = some.place(t.of())
	}
	for name, c := range k.campaigns.all {
		rows := some.campaigns.all[name]
		for i, s := range c.sets {
			if s == nil {
				continue
			}
			var there set
			if rows != nil {
				there = rows.sets[places[i]]
			}
			s.among(there, i, found, others)
		}
	}
	return found, others
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

func (s *keySet[K, R]) among(some set, i int, found *Rows, others *Keys) {
	for k := range s.each() {
		if some != nil {
			s.probe = k
			if h, there := some.(*rowSet[K, R]).get(&k, s.tag()); there {
				found.tables[i].put(found, i, h.row)
				continue
			}
		}
		others.tables[i].(*typed[K, R]).touch(others, i, k)
	}
}

func (s *keySet[K, R]) sorted() []any {
	copied, all := make([]K, 0, s.len()), make([]any, 0, s.len())
	for k := range s.each() {
		copied = append(copied, k)
		all = append(all, &copied[len(copied)-1])
	}
	sortOne(all, s.table.Key)
	return all
}
