package httpapi

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxRemembered is how many verified tokens are remembered.
const maxRemembered = 10_000

// remembered holds whom verified tokens belong to, by the tokens' hashes: the
// tokens themselves are in no memory but their request's. Whoever has not been
// seen for long is forgotten first, half of all at once.
type remembered struct {
	half int

	mu         sync.Mutex
	young, old map[[sha256.Size]byte]memory
}

type memory struct {
	who   Identity
	until time.Time
}

func newRemembered(most int) *remembered {
	return &remembered{half: most / 2, young: make(map[[sha256.Size]byte]memory)}
}

func (r *remembered) find(sum [sha256.Size]byte, now time.Time) (Identity, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.young[sum]
	if !ok {
		if m, ok = r.old[sum]; ok && now.Before(m.until) {
			r.put(sum, m)
		}
	}
	if !ok || !now.Before(m.until) {
		return Identity{}, false
	}
	return m.who, true
}

func (r *remembered) add(sum [sha256.Size]byte, m memory) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(sum, m)
}

func (r *remembered) put(sum [sha256.Size]byte, m memory) {
	if len(r.young) >= r.half {
		r.old, r.young = r.young, make(map[[sha256.Size]byte]memory)
	}
	r.young[sum] = m
}
