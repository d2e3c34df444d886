package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
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
	keysInterval = 5 * time.Minute
	// unknownKeyInterval is the least time between two fetches that tokens with
	// unknown keys cause.
	unknownKeyInterval = 10 * time.Second
	// streamKeysInterval is the time between two fetches while there are streams, which end
	// within 5 s after their key is withdrawn.
	streamKeysInterval = 2 * time.Second
	// unknownKeyWait is how long a request waits for such a fetch.
	unknownKeyWait = 2 * time.Second
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

// verificationKey is a key and the only method it is used for.
type verificationKey struct {
	method jwt.SigningMethod
	key    any
}

// equal reports whether two keys of a set are the same.
func (k verificationKey) equal(other verificationKey) bool {
	public, ok := k.key.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.method == other.method && public.Equal(other.key)
}

// keySet is a JSON Web Key Set (RFC 7517) that is refreshed. While its host fails, the last
// keys stay in use.
type keySet struct {
	url    string
	client *http.Client
	now    func() time.Time
	logger *slog.Logger
	keys   atomic.Pointer[map[string]verificationKey] // by kid; run replaces the map
	wanted chan struct{}                              // has room for one request to fetch
	stop   context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	limiter *rate.Limiter // guarded by mu
	waiting chan struct{} // guarded by mu: closed after the requested fetch; nil if none is
	asked   time.Time     // guarded by mu: when renew last requested a fetch
	failed  bool          // of run: the last fetch failed
}

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

// find returns a key. A token with an unknown key may be the first one after a rotation, so
// it waits for a fetch, for unknownKeyWait at most. Other tokens never wait.
func (s *keySet) find(ctx context.Context, kid string) (verificationKey, bool) {
	key, ok := (*s.keys.Load())[kid]
	if ok || kid == "" {
		return key, ok
	}
	fetched := s.request()
	if fetched == nil {
		return verificationKey{}, false
	}
	patience := time.NewTimer(unknownKeyWait)
	defer patience.Stop()
	select {
	case <-fetched:
	case <-patience.C:
	case <-ctx.Done():
	}
	key, ok = (*s.keys.Load())[kid]
	return key, ok
}

// request requests a fetch, or joins the one that is requested. It returns a channel that is
// closed after the fetch; nil within unknownKeyInterval of the last one.
func (s *keySet) request() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil && s.limiter.AllowN(s.now(), 1) {
		s.waiting = make(chan struct{})
		s.wanted <- struct{}{} // has room: run received the last one before waiting became nil
	}
	return s.waiting
}

// renew requests a fetch if the keys are older than streams may be to them.
func (s *keySet) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil && time.Since(s.asked) >= streamKeysInterval {
		s.asked = time.Now()
		s.waiting = make(chan struct{})
		s.wanted <- struct{}{} // has room, as in request
	}
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
			close(s.waiting)
			s.waiting = nil
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
	case maps.EqualFunc(keys, *s.keys.Load(), verificationKey.equal):
	case len(keys) == 0: // all keys were withdrawn, so no token is valid
		s.logger.WarnContext(ctx, "auth: the key set has no key that verifies tokens, all are refused")
		fallthrough
	default:
		s.keys.Store(&keys) // another pointer, so remembered tokens are verified again
	}
	s.failed = false
}

func (s *keySet) fetch(ctx context.Context) (map[string]verificationKey, error) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
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
func (s *keySet) parse(ctx context.Context, body []byte) (map[string]verificationKey, error) {
	var set struct {
		Keys *[]jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil { // the error may quote keys
		return nil, errors.New("the response is not a JSON Web Key Set")
	}
	if len(*set.Keys) > maxKeys {
		return nil, fmt.Errorf("the set has %d keys; expected at most %d", len(*set.Keys), maxKeys)
	}
	keys := make(map[string]verificationKey)
	for i, raw := range *set.Keys {
		kid, key, err := parseKey(ctx, raw)
		if _, twice := keys[kid]; twice && err == nil {
			err = errors.New("another key has its kid")
		}
		if err != nil {
			s.logger.DebugContext(ctx, "auth: key is not used", slog.Int("index", i), slog.Any("error", err))
			continue
		}
		keys[kid] = key
	}
	return keys, nil
}

// privateMembers returns the members that only private and symmetric keys have. A published
// private key is compromised, so its signatures prove nothing.
func privateMembers() []string { return []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} }

func parseKey(ctx context.Context, raw jsontext.Value) (kid string, key verificationKey, err error) {
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
		return "", key, errors.New("is no JSON Web Key")
	}
	switch {
	case slices.ContainsFunc(privateMembers(), func(name string) bool { _, ok := members[name]; return ok }):
		return "", key, errors.New("is not public")
	case use.ID == "" || len(use.ID) > maxKidBytes:
		return "", key, errors.New("has no kid, or one of more than 200 bytes")
	case use.Use != "" && use.Use != "sig", use.Operations != nil && !slices.Contains(use.Operations, "verify"):
		return "", key, errors.New("is not for signatures")
	}
	// The members of a public key only, without certificates and links.
	text, err := json.Marshal(public)
	if err != nil {
		return "", key, err
	}
	parsed, err := keyfunc.NewJWKJSON(text)
	if err != nil {
		return "", key, errors.New("is malformed or of another kind")
	}
	set, err := parsed.VerificationKeySet(ctx)
	if err != nil || len(set.Keys) != 1 {
		return "", key, errors.New("is malformed or of another kind")
	}
	switch k := set.Keys[0].(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return "", key, fmt.Errorf("is RSA of %d bits; expected %d to %d", bits, minRSABits, maxRSABits)
		}
		key = verificationKey{jwt.SigningMethodRS256, k}
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return "", key, errors.New("is of another curve than P-256")
		}
		key = verificationKey{jwt.SigningMethodES256, k}
	case ed25519.PublicKey:
		key = verificationKey{jwt.SigningMethodEdDSA, k}
	default:
		return "", key, errors.New("is of another kind")
	}
	if use.Algorithm != "" && use.Algorithm != key.method.Alg() {
		return "", key, errors.New("is for another algorithm than " + key.method.Alg())
	}
	return use.ID, key, nil
}
