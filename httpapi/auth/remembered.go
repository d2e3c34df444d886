package auth

import (
	"crypto/sha256"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxRemembered is how many verified tokens are remembered.
const maxRemembered = 10_000

// remembered maps the hashes of verified tokens to their identities; the tokens
// themselves are not kept. It is safe for concurrent use.
type remembered struct {
	tokens *lru.Cache[[sha256.Size]byte, memory]
}

type memory struct {
	caller Identity
	keys   any // identifies the keys that verified the token
	until  time.Time
}

func newRemembered(most int) remembered {
	tokens, _ := lru.New[[sha256.Size]byte, memory](most) // fails for a size below 1 only
	return remembered{tokens}
}

// find returns the caller of a token that the same keys have verified.
func (r remembered) find(sum [sha256.Size]byte, keys any, now time.Time) (Identity, bool) {
	m, ok := r.tokens.Get(sum)
	if !ok || m.keys != keys || !now.Before(m.until) {
		return Identity{}, false
	}
	return m.caller, true
}

func (r remembered) add(sum [sha256.Size]byte, m memory) { r.tokens.Add(sum, m) }
