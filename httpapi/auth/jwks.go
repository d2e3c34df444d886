package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

const (
	// keysInterval is the time between two fetches of the key set.
	keysInterval = 30 * time.Second
	// unknownKeyInterval is the least time between two fetches that tokens with
	// unknown keys cause.
	unknownKeyInterval = 10 * time.Second
	// streamKeysInterval is the time between two fetches while there are streams, which end
	// within 5 s after their key is withdrawn.
	streamKeysInterval = 2 * time.Second
	// keysTimeout bounds one fetch.
	keysTimeout = 10 * time.Second
	// maxKeysBytes and maxKeys bound a key set.
	maxKeysBytes = 1 << 20
	maxKeys      = 100
	// minRSABits and maxRSABits bound RSA keys: shorter ones are weak, longer ones
	// make verification expensive.
	minRSABits = 2048
	maxRSABits = 8192
)

// verificationKey is a key and the only method it is used for. It does not change once made.
type verificationKey struct {
	id     string // empty: tokens do not name it
	method jwt.SigningMethod
	key    any
}

// equal reports whether two keys of a set are the same.
func (k *verificationKey) equal(other *verificationKey) bool {
	public, ok := k.key.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.id == other.id && k.method == other.method && public.Equal(other.key)
}

// signatureBytes returns the length of a signature by the key.
func (k *verificationKey) signatureBytes() int {
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		return key.Size()
	case *ecdsa.PublicKey:
		return 2 * ((key.Curve.Params().BitSize + 7) / 8)
	case ed25519.PublicKey:
		return ed25519.SignatureSize
	default:
		return sha256.Size
	}
}

// keySet is a JSON Web Key Set (RFC 7517) that is refreshed beside requests, none of which waits
// for it. While its host fails, the last keys stay in use.
type keySet struct {
	url    string
	client *http.Client
	now    func() time.Time
	logger *slog.Logger
	keys   atomic.Pointer[map[string]*verificationKey] // by kid; run replaces the map, in which a key that stays keeps its pointer
	wanted chan struct{}                               // has room for one request to fetch
	stop   context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	limiter *rate.Limiter // guarded by mu
	asked   time.Time     // guarded by mu: when renew last requested a fetch
	waiting bool          // guarded by mu: a fetch is requested or under way
	unknown string        // guarded by mu: the kid that caused it; empty if none did
	failed  bool          // of run: the last fetch failed
}

var _ keyring = (*keySet)(nil)

// ParseJWKSURL checks the address of a key set: https, or http on this
// machine's loopback.
func ParseJWKSURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch { // url's error would repeat a password
	case err != nil:
		return nil, errors.New("is no URL; expected https://HOST/PATH")
	case u.User != nil, u.Fragment != "", u.Opaque != "", u.Hostname() == "":
		return nil, errors.New("expected https://HOST/PATH, without user and fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return nil, errors.New("expected https://, or http:// with a loopback address")
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// newKeySet fetches the keys and refreshes them until it is closed.
func newKeySet(ctx context.Context, cfg Config) (*keySet, error) {
	u, err := ParseJWKSURL(cfg.JWKSURL)
	if err != nil {
		return nil, fmt.Errorf("JWKS URL: %w", err)
	}
	s := &keySet{
		url: u.String(), now: cfg.Now, logger: cfg.Logger,
		client: &http.Client{
			Transport: &http.Transport{
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots},
				DisableCompression:     true, // the size of a compressed response has no bound
				DisableKeepAlives:      true,
				MaxResponseHeaderBytes: 64 << 10,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		wanted:  make(chan struct{}, 1),
		ended:   make(chan struct{}),
		limiter: rate.NewLimiter(rate.Every(unknownKeyInterval), 1),
	}
	keys, err := s.fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	if len(keys) == 0 {
		return nil, errors.New("fetch keys: none of them verifies RS256, ES256 or EdDSA")
	}
	s.keys.Store(&keys)
	var running context.Context
	running, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	go s.run(running)
	return s, nil
}

func (s *keySet) close() {
	s.stop()
	<-s.ended
}

// find implements [keyring]. A token with an unknown key may be the first one after a rotation.
func (s *keySet) find(h header) ([]*verificationKey, error) {
	switch h.alg { // before the lookup of the key
	case jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg():
	default:
		return nil, refusal("alg: expected RS256, ES256 or EdDSA")
	}
	key, ok := (*s.keys.Load())[h.kid]
	switch {
	case !ok && h.kid != "" && s.request(h.kid):
		return nil, ErrKeyComing
	case !ok:
		return nil, refusal("kid: is unknown")
	case key.method.Alg() != h.alg:
		return nil, refusal("alg: is not the key's")
	}
	return []*verificationKey{key}, nil
}

// holds implements [keyring].
func (s *keySet) holds(k *verificationKey) bool { return (*s.keys.Load())[k.id] == k }

// request has the keys fetched because of an unknown one, once within unknownKeyInterval. It
// reports whether the fetch that this key has caused is under way.
func (s *keySet) request(kid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting && s.limiter.AllowN(s.now(), 1) {
		s.unknown = kid
		s.want()
	}
	return s.waiting && s.unknown == kid
}

// renew implements [keyring].
func (s *keySet) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting && time.Since(s.asked) >= streamKeysInterval {
		s.asked = time.Now()
		s.want()
	}
}

// want requests a fetch. It requires mu, and that none is requested.
func (s *keySet) want() {
	s.waiting = true
	s.wanted <- struct{}{} // has room: run received the last one before waiting became false
}

func (s *keySet) run(ctx context.Context) {
	defer close(s.ended)
	ticker := time.NewTicker(keysInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.refresh(ctx)
		case <-s.wanted:
			s.refresh(ctx)
			s.mu.Lock()
			s.waiting, s.unknown = false, ""
			s.mu.Unlock()
		}
	}
}

func (s *keySet) refresh(ctx context.Context) {
	keys, err := s.fetch(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		if !s.failed {
			s.logger.WarnContext(ctx, "auth: keys could not be fetched, the last ones stay in use", slog.Any("error", err))
		}
		s.failed = true
		return
	case maps.EqualFunc(keys, *s.keys.Load(), (*verificationKey).equal):
	case len(keys) == 0: // all keys were withdrawn, so no token is valid
		s.logger.WarnContext(ctx, "auth: the key set has no key that verifies tokens, all are refused")
		fallthrough
	default:
		for kid, key := range *s.keys.Load() {
			if again := keys[kid]; again != nil && again.equal(key) {
				keys[kid] = key // so its tokens stay known
			}
		}
		s.keys.Store(&keys)
	}
	s.failed = false
}

func (s *keySet) fetch(ctx context.Context) (map[string]*verificationKey, error) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	res, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeysAway, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= http.StatusInternalServerError {
		return nil, fmt.Errorf("%w: status %d", ErrKeysAway, res.StatusCode)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d; expected 200", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxKeysBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxKeysBytes:
		return nil, fmt.Errorf("the response is longer than %d bytes", maxKeysBytes)
	}
	return s.parse(ctx, body)
}

// parse reads a key set. A key that does not verify tokens is no error, because sets have
// keys for other uses and of future types.
func (s *keySet) parse(ctx context.Context, body []byte) (map[string]*verificationKey, error) {
	var set struct {
		Keys *[]jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil { // the error may quote keys
		return nil, errors.New("the response is not a JSON Web Key Set")
	}
	if len(*set.Keys) > maxKeys {
		return nil, fmt.Errorf("the set has %d keys; expected at most %d", len(*set.Keys), maxKeys)
	}
	keys := make(map[string]*verificationKey)
	for i, raw := range *set.Keys {
		key, err := parseKey(ctx, raw)
		if err == nil && keys[key.id] != nil {
			err = errors.New("another key has its kid")
		}
		if err != nil {
			s.logger.DebugContext(ctx, "auth: key is not used", slog.Int("index", i), slog.Any("error", err))
			continue
		}
		keys[key.id] = key
	}
	return keys, nil
}

// privateMembers returns the members that only private and symmetric keys have. A published
// private key is compromised, so its signatures prove nothing.
func privateMembers() []string { return []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} }

func parseKey(ctx context.Context, raw jsontext.Value) (*verificationKey, error) {
	var use struct {
		ID         string   `json:"kid"`
		Algorithm  string   `json:"alg"`
		Use        string   `json:"use"`
		Operations []string `json:"key_ops"`
	}
	var public struct {
		Type     string `json:"kty,omitempty"`
		Curve    string `json:"crv,omitempty"`
		X        string `json:"x,omitempty"`
		Y        string `json:"y,omitempty"`
		Modulus  string `json:"n,omitempty"`
		Exponent string `json:"e,omitempty"`
	}
	var members map[string]jsontext.Value
	if json.Unmarshal(raw, &use) != nil || json.Unmarshal(raw, &public) != nil || json.Unmarshal(raw, &members) != nil {
		return nil, errors.New("is no JSON Web Key")
	}
	switch {
	case slices.ContainsFunc(privateMembers(), func(name string) bool { _, ok := members[name]; return ok }):
		return nil, errors.New("is not public")
	case use.ID == "" || len(use.ID) > maxKidBytes:
		return nil, errors.New("has no kid, or one of more than 200 bytes")
	case use.Use != "" && use.Use != "sig", use.Operations != nil && !slices.Contains(use.Operations, "verify"):
		return nil, errors.New("is not for signatures")
	}
	// The members of a public key only, without certificates and links.
	text, err := json.Marshal(public)
	if err != nil {
		return nil, err
	}
	parsed, err := keyfunc.NewJWKJSON(text)
	if err != nil {
		return nil, errors.New("is malformed or of another kind")
	}
	set, err := parsed.VerificationKeySet(ctx)
	if err != nil || len(set.Keys) != 1 {
		return nil, errors.New("is malformed or of another kind")
	}
	key := &verificationKey{id: use.ID, key: set.Keys[0]}
	switch k := set.Keys[0].(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return nil, fmt.Errorf("is RSA of %d bits; expected %d to %d", bits, minRSABits, maxRSABits)
		}
		key.method = jwt.SigningMethodRS256
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return nil, errors.New("is of another curve than P-256")
		}
		key.method = jwt.SigningMethodES256
	case ed25519.PublicKey:
		key.method = jwt.SigningMethodEdDSA
	default:
		return nil, errors.New("is of another kind")
	}
	if use.Algorithm != "" && use.Algorithm != key.method.Alg() {
		return nil, errors.New("is for another algorithm than " + key.method.Alg())
	}
	return key, nil
}
