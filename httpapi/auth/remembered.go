package auth

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxRememberedBytes bounds what verified tokens take that are remembered: 30,000 of one
	// shop each, or 500 of 1,000.
	maxRememberedBytes = 16 << 20
	// memoryBytes is about what a remembered token takes, without its texts.
	memoryBytes = 400
)

// remembered maps the hashes of verified tokens to their identities; the tokens themselves are
// not kept. It is safe for concurrent use.
type remembered struct {
	most int

	mu     sync.Mutex
	tokens *simplelru.LRU[[sha256.Size]byte, memory] // guarded by mu
	bytes  int                                       // guarded by mu: the cost of tokens
}

// memory is what is known of a token whose signature has been verified.
type memory struct {
	caller Identity
	issued time.Time        // zero: the token does not say
	key    *verificationKey // that has signed it
}

func newRemembered(most int) *remembered {
	r := &remembered{most: most}
	// NewLRU fails for a size below 1 only. The bound in bytes is reached first.
	r.tokens, _ = simplelru.NewLRU(most/memoryBytes+1, func(_ [sha256.Size]byte, m memory) { r.bytes -= m.cost() })
	return r
}

// find returns what is known of a token.
func (r *remembered) find(sum [sha256.Size]byte) (memory, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tokens.Get(sum)
}

func (r *remembered) add(sum [sha256.Size]byte, m memory) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.tokens.Peek(sum); ok {
		r.bytes -= last.cost()
	}
	r.tokens.Add(sum, m)
	for r.bytes += m.cost(); r.bytes > r.most; {
		r.tokens.RemoveOldest()
	}
}

// cost returns about how many bytes a memory takes.
func (m memory) cost() int {
	n := memoryBytes + len(m.caller.Subject)
	for _, shop := range m.caller.Shops {
		n += 16 + len(shop)
	}
	return n
}
