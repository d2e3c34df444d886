package readmodel

import (
	"fmt"
	"iter"
)

// Keys names rows, table by table. A fold names so what a batch touches.
type Keys struct{ sets []keys }

// keys names rows of one table.
type keys interface {
	of() *Table
	len() int
	sorted() []any
	// among puts the rows of some, a set of the same table, that have the keys into found, and
	// returns the other keys.
	among(some, found set) keys
}

type keySet[K comparable, R any] struct {
	table *Table
	keys  map[K]struct{}
}

// NewKeys returns empty Keys for the tables.
func NewKeys(tables ...*Table) *Keys {
	k := &Keys{sets: make([]keys, len(tables))}
	for i, t := range tables {
		k.sets[i] = t.newKeys()
	}
	return k
}

// Touch names the rows of type R with the keys. It panics where [NewKeys] was not given
// the table of such rows.
func Touch[R any, K comparable](to *Keys, all ...K) {
	for _, s := range to.sets {
		if s, ok := s.(*keySet[K, R]); ok {
			for _, k := range all {
				s.keys[k] = struct{}{}
			}
			return
		}
	}
	panic(fmt.Sprintf("readmodel: no table for keys of rows of type %T", *new(R)))
}

// Room returns empty [Rows] for the tables of these keys.
func (k *Keys) Room() *Rows {
	tables := make([]*Table, len(k.sets))
	for i, s := range k.sets {
		tables[i] = s.of()
	}
	return NewRows(tables...)
}

// Among returns those of the rows, which are of these tables and maybe others, that have a key,
// and the keys that none of them has.
func (k *Keys) Among(some *Rows) (found *Rows, others *Keys) {
	found, others = k.Room(), &Keys{sets: make([]keys, len(k.sets))}
	for i, s := range k.sets {
		others.sets[i] = s.among(some.set(s.of()), found.sets[i])
	}
	return found, others
}

// Len returns the number of keys in all tables.
func (k *Keys) Len() int {
	n := 0
	for _, s := range k.sets {
		n += s.len()
	}
	return n
}

// Tables returns the tables that have keys.
func (k *Keys) Tables() []*Table {
	var some []*Table
	for _, s := range k.sets {
		if s.len() > 0 {
			some = append(some, s.of())
		}
	}
	return some
}

// All returns the keys of each table that has any, as pointers, sorted.
func (k *Keys) All() iter.Seq2[*Table, []any] {
	return func(yield func(*Table, []any) bool) {
		for _, s := range k.sets {
			if s.len() > 0 && !yield(s.of(), s.sorted()) {
				return
			}
		}
	}
}

func (s *keySet[K, R]) of() *Table { return s.table }

func (s *keySet[K, R]) len() int { return len(s.keys) }

func (s *keySet[K, R]) among(some, found set) keys {
	there, into := some.(*rowSet[K, R]).rows, found.(*rowSet[K, R]).rows
	others := &keySet[K, R]{table: s.table, keys: make(map[K]struct{})}
	for k := range s.keys {
		if row := there[k]; row != nil {
			into[k] = row
		} else {
			others.keys[k] = struct{}{}
		}
	}
	return others
}

func (s *keySet[K, R]) sorted() []any {
	copied, all := make([]K, 0, len(s.keys)), make([]any, 0, len(s.keys))
	for k := range s.keys {
		copied = append(copied, k)
		all = append(all, &copied[len(copied)-1])
	}
	return inOrder(byCampaign(all, s.table.Key), len(all))
}
