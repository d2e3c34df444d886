package httpapi

import (
	"cmp"
	"net/http"
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	// maxBody is the longest body of a request, in bytes. No route reads one.
	maxBody = 4 << 10
	// maxQuery is the longest query string, in bytes.
	maxQuery = 2 << 10
	// maxLooks is how many requests read the past at once. Each folds a campaign's
	// events, and must not slow down requests about the present.
	maxLooks = 2
	// maxCallers is how many callers are remembered, the most recent ones.
	maxCallers = 20_000
)

// Limits bounds the requests of callers. A negative bound disables it.
type Limits struct {
	// PerToken bounds the requests a second of one subject, and PerAddress those
	// from one address (of IPv6, one /64). Bursts may have three seconds' worth. 0
	// means DefaultPerToken and DefaultPerAddress.
	PerToken, PerAddress float64
	// Concurrent bounds the requests at once, and Streams the open streams, of which one
	// subject may hold a fifth, and one address four fifths. 0 means DefaultConcurrent and
	// DefaultStreams.
	Concurrent, Streams int
}

// Defaults of [Limits].
const (
	DefaultPerToken   = 50
	DefaultPerAddress = 500
	DefaultConcurrent = 512
	DefaultStreams    = 4096
)

// limiter enforces [Limits]. It is safe for concurrent use.
type limiter struct {
	clock              func() time.Time
	requests, looks    slots
	streams            *shares
	addresses, callers *rates
}

func newLimiter(l Limits, clock func() time.Time) *limiter {
	return &limiter{
		clock:    clock,
		requests: newSlots(cmp.Or(l.Concurrent, DefaultConcurrent)),
		streams:  newShares(cmp.Or(l.Streams, DefaultStreams)),
		looks:    newSlots(maxLooks),
		// By address and by token, so that neither many tokens at one address nor one
		// token at many addresses exhaust the service.
		addresses: newRates(cmp.Or(l.PerAddress, DefaultPerAddress)),
		callers:   newRates(cmp.Or(l.PerToken, DefaultPerToken)),
	}
}

// enter takes a slot for a request, or returns why there is none.
func (l *limiter) enter(r *http.Request) (leave func(), err error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, badRequest{"the query string is longer than 2048 bytes"}
	}
	if wait := l.addresses.wait(address(r), l.clock()); wait > 0 {
		return nil, tooMany{wait}
	}
	return l.requests.take()
}

// token counts a request of a subject.
func (l *limiter) token(subject string) error {
	if wait := l.callers.wait(subject, l.clock()); wait > 0 {
		return tooMany{wait}
	}
	return nil
}

// client returns the caller's address.
func client(r *http.Request) string {
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return at.Addr().Unmap().String()
	}
	return r.RemoteAddr
}

// address returns the caller's address; of IPv6 the /64, which usually is one household.
func address(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.Addr().String()
		}
	}
	return ip.String()
}

// slots bounds how many are at work at once. Nil bounds nothing.
type slots chan struct{}

func newSlots(n int) slots {
	if n < 0 {
		return nil
	}
	return make(slots, n)
}

func (s slots) take() (leave func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	select {
	case s <- struct{}{}:
		return func() { <-s }, nil
	default:
		return nil, errOverloaded
	}
}

// shares bounds how many streams are open, and has each subject and each address leave room to
// the others: a subject may open another one while it holds fewer than a quarter of what is free,
// an address while it holds fewer than four times that. So a single one holds a fifth or four
// fifths at most, and the more there are, the less each of them. It is safe for concurrent use.
type shares struct {
	mu   sync.Mutex
	free int            // guarded by mu
	held map[holder]int // guarded by mu: above 0
}

// holder is who holds streams: a subject or an address.
type holder struct {
	subject bool
	name    string
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

// take opens a stream of a subject at an address.
func (s *shares) take(subject, address string) (leave func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	who, where := holder{true, subject}, holder{false, address}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.free == 0:
		return nil, errOverloaded
	case 4*s.held[who] >= s.free, s.held[where] >= 4*s.free:
		return nil, tooMany{shareRetry}
	}
	s.free--
	s.held[who]++
	s.held[where]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free++
		for _, h := range []holder{who, where} {
			if s.held[h]--; s.held[h] == 0 {
				delete(s.held, h)
			}
		}
	}), nil
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

// wait counts a request of caller and returns 0, or returns the time until the next one is
// allowed.
func (r *rates) wait(caller string, now time.Time) time.Duration {
	if r == nil {
		return 0
	}
	reservation := r.of(caller).ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
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
