package readmodel

import (
	"bytes"
	"iter"
	"maps"
	"strings"
	"time"

	"jangbu/events"
)

// campaigns holds what there is of each campaign, for each of some tables.
type campaigns[S any] struct {
	tables int
	all    map[events.Campaign]*campaign[S]
	// last is what add returned last: most events of a log are of the campaign that others
	// touch too, by several keys each.
	last *campaign[S]
}

// campaign holds what there is of one campaign, by the table's place among the tables.
type campaign[S any] struct {
	name  events.Campaign
	noted events.Position // see [Rows.Note]
	sets  []S
	room  [4]S // for sets, where that suffices
}

func newCampaigns[S any](tables int) campaigns[S] {
	return campaigns[S]{tables: tables, all: make(map[events.Campaign]*campaign[S])}
}

// newCampaign returns a campaign of which there is nothing.
func newCampaign[S any](name events.Campaign, tables int) *campaign[S] {
	one := &campaign[S]{name: name}
	if tables > len(one.room) {
		one.sets = make([]S, tables)
	} else {
		one.sets = one.room[:tables]
	}
	return one
}

// addNamed returns what there is of the campaign that a key names, which it adds where there is
// nothing. It gives the key the copy of the name that all keys of the campaign share: the
// event's own would keep the whole event in memory.
func addNamed[S any](c *campaigns[S], name *string) *campaign[S] {
	one := c.add(events.Campaign(*name))
	*name = string(one.name)
	return one
}

// add returns what there is of the campaign, which it adds where there is nothing.
func (c *campaigns[S]) add(name events.Campaign) *campaign[S] {
	if c.last != nil && c.last.name == name {
		return c.last
	}
	one := c.all[name]
	if one == nil {
		one = newCampaign[S](events.Campaign(strings.Clone(string(name))), c.tables)
		c.all[one.name] = one
	}
	c.last = one
	return one
}

// remove removes the campaign.
func (c *campaigns[S]) remove(name events.Campaign) {
	delete(c.all, name)
	c.last = nil
}

// inOrder returns the n rows or keys of the named campaigns in a table.
func inOrder[S interface {
	comparable
	appendSorted(to []any) []any
}](c *campaigns[S], names []events.Campaign, table, n int) []any {
	all := make([]any, 0, n)
	var none S
	for _, name := range names {
		if s := c.all[name].sets[table]; s != none {
			all = s.appendSorted(all)
		}
	}
	return all
}

// typed is a table whose types are known, for one [Rows] or [Keys].
type typed[K comparable, R any] struct {
	table *Table
	key   func(*R) *K
	n     int // of all campaigns
	// probe is the key that is looked for: the address of a parameter would be that of a copy
	// in the heap.
	probe K
	// piece is memory for the next rows, where they share it, and size how many it had room for.
	piece  []R
	size   int
	shared bool
}

// campaign returns where the campaign of the probe is.
func (t *typed[K, R]) campaign() *string { return t.table.Key[0].At(&t.probe).(*string) }

// tag returns a byte that tells most keys of a campaign from each other: of the last column of
// the probe.
func (t *typed[K, R]) tag() byte {
	switch field := t.table.Key[len(t.table.Key)-1].At(&t.probe).(type) {
	case *string:
		sum := byte(0)
		for i := max(0, len(*field)-8); i < len(*field); i++ {
			sum = sum*31 + (*field)[i]
		}
		return sum
	case *time.Time:
		return byte(field.Unix() / 3600)
	case *int64:
		return byte(*field)
	}
	return 0
}

// byKey holds values by key, those of one campaign in one table. Most have few, which take less
// time and memory than in a map.
type byKey[K comparable, V any] struct {
	tags    []byte // of the entries
	entries []entry[K, V]
	many    map[K]V // in the place of entries, once there are more than maxEntries

	// firstTags and first are room for the first of tags and entries: most campaigns have one row
	// in a table, or few.
	firstTags [8]byte
	first     [1]entry[K, V]
}

type entry[K comparable, V any] struct {
	value V
	key   K
}

const (
	maxEntries    = 256
	secondEntries = 4 // for how many there is room once there are more than one
)

func (b *byKey[K, V]) len() int { return len(b.entries) + len(b.many) }

func (b *byKey[K, V]) get(k *K, tag byte) (v V, found bool) {
	if i := b.find(k, tag); i >= 0 {
		return b.entries[i].value, true
	}
	if b.many != nil {
		v, found = b.many[*k]
	}
	return v, found
}

// find returns the place among the entries; -1 where there is none.
func (b *byKey[K, V]) find(k *K, tag byte) int {
	for i := 0; ; i++ {
		next := bytes.IndexByte(b.tags[i:], tag)
		if next < 0 {
			return -1
		}
		if i += next; b.entries[i].key == *k {
			return i
		}
	}
}

// add adds a value under a key that has none.
func (b *byKey[K, V]) add(k *K, tag byte, v V) {
	switch {
	case b.many != nil:
		b.many[*k] = v
	case len(b.entries) == 0:
		b.tags, b.entries = append(b.firstTags[:0], tag), append(b.first[:0], entry[K, V]{v, *k})
	case len(b.entries) == len(b.first):
		b.tags, b.entries = append(b.tags, tag), append(make([]entry[K, V], 0, secondEntries), b.entries[0], entry[K, V]{v, *k})
		b.first = [1]entry[K, V]{}
	case len(b.entries) < maxEntries:
		b.tags, b.entries = append(b.tags, tag), append(b.entries, entry[K, V]{v, *k})
	default:
		b.many = make(map[K]V, 2*maxEntries)
		for i := range b.entries {
			b.many[b.entries[i].key] = b.entries[i].value
		}
		b.tags, b.entries, b.many[*k] = nil, nil, v
	}
}

// replace sets the value of a key, and reports whether it has added it.
func (b *byKey[K, V]) replace(k *K, tag byte, v V) (added bool) {
	if i := b.find(k, tag); i >= 0 {
		b.entries[i].value = v
		return false
	}
	n := b.len()
	b.add(k, tag, v)
	return b.len() > n
}

// removeFunc removes the keys of which gone says so, with their values.
func (b *byKey[K, V]) removeFunc(gone func(*K) bool) {
	n := 0
	for i := range b.entries {
		if gone(&b.entries[i].key) {
			continue
		}
		b.tags[n], b.entries[n] = b.tags[i], b.entries[i]
		n++
	}
	clear(b.entries[n:])
	b.tags, b.entries = b.tags[:n], b.entries[:n]
	maps.DeleteFunc(b.many, func(k K, _ V) bool { return gone(&k) })
}

// each returns the keys and values, in no order.
func (b *byKey[K, V]) each() iter.Seq2[K, V] {
	if b.many != nil {
		return maps.All(b.many)
	}
	return func(yield func(K, V) bool) {
		for i := range b.entries {
			if !yield(b.entries[i].key, b.entries[i].value) {
				return
			}
		}
	}
}
