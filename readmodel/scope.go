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
	shops      []events.Shop
}

// Everything is the scope of analysts and operators of the platform.
func Everything() Scope { return Scope{everything: true} }

// Shops is the scope of an owner: the campaigns of these shops whose creation has been
// seen. Names that no event can carry are left out, since a database may refuse them.
func Shops(shops ...events.Shop) Scope {
	s := Scope{shops: slices.Grow([]events.Shop(nil), len(shops))}
	for _, shop := range shops {
		if utf8.ValidString(string(shop)) && !strings.ContainsRune(string(shop), 0) {
			s.shops = append(s.shops, shop)
		}
	}
	return s
}

// Allows reports whether the campaign of this row is in the scope.
func (s Scope) Allows(row CampaignStats) bool {
	return s.everything || row.Known && s.AllowsShop(row.Shop)
}

// AllowsShop reports whether the campaigns of this shop are in the scope.
func (s Scope) AllowsShop(shop events.Shop) bool {
	return s.everything || slices.Contains(s.shops, shop)
}

// Limited reports whether the scope is limited to some shops.
func (s Scope) Limited() bool { return !s.everything }

// Limits returns the shops that the scope is limited to; false where it is not
// limited. Stores put it into their queries.
func (s Scope) Limits() (shops []events.Shop, limited bool) {
	return slices.Clone(s.shops), !s.everything
}
