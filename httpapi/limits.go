package httpapi

import (
	"cmp"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"jangbu/httpapi/auth"
)

const (
	// maxBody is the longest body of a request, in bytes. No route reads one.
	maxBody = 4 << 10
	// maxQuery is the longest query string, in bytes.
	maxQuery = 2 << 10
	// maxCallers is how many callers each bound remembers, the most recent ones.
	maxCallers = 20_000
)

// Limits bounds the requests of callers. A negative bound disables it.
type Limits struct {
	// PerToken bounds the requests a second of one subject, PerShop those of the owners of one
	// shop, and PerAddress those from one address (of IPv6, one /64). Bursts may have three
	// seconds' worth. A request that one of them refuses is not counted by the others. 0 means
	// DefaultPerToken, DefaultPerShop and DefaultPerAddress.
	//
	// What is not yet known to be a caller's has bounds of its own by address, in proportion to
	// PerAddress: as many requests for what is public, two fifths for tokens whose signature
	// must be verified, and a tenth for requests without a token, with one that is refused, and
	// to no route.
	PerToken, PerShop, PerAddress float64
	// Concurrent bounds the requests at once, and Streams the open streams, of which one
	// subject may hold a fifth, the owners of one shop half, and one address four fifths. 0
	// means DefaultConcurrent and DefaultStreams.
	Concurrent, Streams int
}

// Defaults of [Limits].
const (
	DefaultPerToken   = 50
	DefaultPerShop    = 200
	DefaultPerAddress = 1000
	DefaultConcurrent = 512
	DefaultStreams    = 4096
)

// party is whose a request is, as far as that is known: what limits tell callers apart by. An
// empty name is not known, and is not limited.
type party struct{ subject, shop, network string }

// name returns what tells the party from others: its subject, or else its address.
func (p party) name() string { return cmp.Or(p.subject, p.network) }

// partyOf returns the party of an identified caller.
func partyOf(caller auth.Identity, from client) party {
	p := party{subject: caller.Subject, network: from.network()}
	if caller.Role == auth.Owner {
		p.shop = string(caller.Shops[0]) // the one that the token names first
	}
	return p
}

// limiter enforces [Limits]. It is safe for concurrent use.
type limiter struct {
	clock             func() time.Time
	subjects, shops   *rates
	addresses         *rates // by address, of identified callers
	visits            *rates // by address, of what is public
	strangers         *rates // by address, of tokens that must be verified
	junk              *rates // by address, of what is refused
	requests, streams *shares
	looks, lists      *turns
}

func newLimiter(l Limits, clock func() time.Time) *limiter {
	perAddress := cmp.Or(l.PerAddress, DefaultPerAddress)
	return &limiter{
		clock:     clock,
		subjects:  newRates(cmp.Or(l.PerToken, DefaultPerToken)),
		shops:     newRates(cmp.Or(l.PerShop, DefaultPerShop)),
		addresses: newRates(perAddress),
		visits:    newRates(perAddress),
		strangers: newRates(perAddress * 2 / 5),
		junk:      newRates(perAddress / 10),
		requests:  newShares(cmp.Or(l.Concurrent, DefaultConcurrent)),
		streams:   newShares(cmp.Or(l.Streams, DefaultStreams)),
		looks:     newTurns(maxLooks, maxLooks/2, maxLooksWaiting),
		lists:     newTurns(maxLists, maxLists/2, maxListsWaiting),
	}
}

// count counts a request of an identified caller.
func (l *limiter) count(p party) error {
	now := l.clock()
	var counted [3]*rate.Reservation
	for i, bound := range [...]struct {
		rates *rates
		name  string
	}{{l.subjects, p.subject}, {l.shops, p.shop}, {l.addresses, p.network}} {
		var wait time.Duration
		if counted[i], wait = bound.rates.reserve(bound.name, now); wait > 0 {
			for _, r := range counted[:i] {
				if r != nil {
					r.CancelAt(now)
				}
			}
			return tooMany{wait}
		}
	}
	return nil
}

// refused counts a request that is refused, and returns why the client is told to wait
// before the next one, or else why it is refused.
func (l *limiter) refused(from client, why error) error {
	return cmp.Or(l.junk.count(from.network(), l.clock()), why)
}

// rates bounds the rate of each of many callers. It is safe for concurrent use.
type rates struct {
	limit rate.Limit
	burst int

	callers *lru.Cache[string, *rate.Limiter]
}

// newRates returns nil, which bounds nothing, where perSecond is negative.
func newRates(perSecond float64) *rates {
	if perSecond < 0 {
		return nil
	}
	callers, _ := lru.New[string, *rate.Limiter](maxCallers) // fails for a size below 1 only
	return &rates{rate.Limit(perSecond), max(1, int(3*perSecond)), callers}
}

// count counts a request, or returns how long it must wait.
func (r *rates) count(caller string, now time.Time) error {
	if _, wait := r.reserve(caller, now); wait > 0 {
		return tooMany{wait}
	}
	return nil
}

// reserve counts a request of caller and returns what takes that back, or else returns the time
// until the next one is allowed.
func (r *rates) reserve(caller string, now time.Time) (*rate.Reservation, time.Duration) {
	if r == nil || caller == "" {
		return nil, 0
	}
	reservation := r.of(caller).ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
		return nil, wait
	}
	return reservation, 0
}

// of returns the caller's limiter. A caller that was forgotten gets a new one. Only a flood
// of addresses gains by that, and a limit by address cannot stop one.
func (r *rates) of(caller string) *rate.Limiter {
	if l, ok := r.callers.Get(caller); ok {
		return l
	}
	l := rate.NewLimiter(r.limit, r.burst)
	if other, ok, _ := r.callers.PeekOrAdd(caller, l); ok {
		return other
	}
	return l
}

// shares bounds how many requests or streams there are at once, and has each party leave room to
// the others: a subject may have another one while it holds fewer than a quarter of what is free,
// the owners of a shop while they hold fewer than that, an address while it holds fewer than four
// times that. So they hold a fifth, half and four fifths at most, and the more there are, the less
// each of them. It is safe for concurrent use.
type shares struct {
	mu   sync.Mutex
	free int            // guarded by mu
	held map[holder]int // guarded by mu: above 0
}

// holder is who holds a share.
type holder struct {
	kind holderKind
	name string
}

type holderKind int

const (
	aSubject holderKind = iota
	aShop
	anAddress
)

// full reports whether a holder of so many must leave the rest to others.
func (k holderKind) full(held, free int) bool {
	switch k {
	case aSubject:
		return 4*held >= free
	case aShop:
		return held >= free
	default:
		return held >= 4*free
	}
}

// newShares returns nil, which bounds nothing, where most is negative.
func newShares(most int) *shares {
	if most < 0 {
		return nil
	}
	return &shares{free: most, held: make(map[holder]int)}
}

// shareRetry is after how long a caller that holds its share may ask again.
const shareRetry = 5 * time.Second

// take takes a share, which leave gives back, once.
func (s *shares) take(p party) (leave func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	holders := [...]holder{{aSubject, p.subject}, {aShop, p.shop}, {anAddress, p.network}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free == 0 {
		return nil, errOverloaded
	}
	for _, h := range holders {
		if h.name != "" && h.kind.full(s.held[h], s.free) {
			return nil, tooMany{shareRetry}
		}
	}
	s.free--
	for _, h := range holders {
		if h.name != "" {
			s.held[h]++
		}
	}
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free++
		for _, h := range holders {
			if h.name == "" {
				continue
			}
			if s.held[h]--; s.held[h] == 0 {
				delete(s.held, h)
			}
		}
	}), nil
}
