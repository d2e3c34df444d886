package readmodel

import (
	"slices"
	"strings"
	"unicode/utf8"

	"jangbu/events"
)

// Scope says which campaigns a reader may see (I12). The zero value sees none.
type Scope struct {
	everything bool
	stores     []events.Store
}

// Everything is the scope of who works for the platform.
func Everything() Scope { return Scope{everything: true} }

// Stores is the scope of an owner: the campaigns of these shops, once their
// creation has been seen. Names that no event can carry, on which a database might
// choke, are left out.
func Stores(stores ...events.Store) Scope {
	s := Scope{}
	for _, store := range stores {
		if utf8.ValidString(string(store)) && !strings.ContainsRune(string(store), 0) {
			s.stores = append(s.stores, store)
		}
	}
	return s
}

// Allows reports whether the campaign of this row is in the scope.
func (s Scope) Allows(row EventStats) bool {
	return s.everything || row.Known && s.AllowsStore(row.Store)
}

// AllowsStore reports whether the campaigns of this shop are in the scope.
func (s Scope) AllowsStore(store events.Store) bool {
	return s.everything || slices.Contains(s.stores, store)
}

// Limits returns the shops that the scope is limited to; false where it is not
// limited. Stores put it into their queries.
func (s Scope) Limits() (stores []events.Store, limited bool) {
	return slices.Clone(s.stores), !s.everything
}
