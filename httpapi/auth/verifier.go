package auth

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"jangbu/events"
)

// Config configures a [Verifier]. Exactly one of Secrets and JWKSURL is required.
type Config struct {
	// Secrets verify HS256. A token that names a key is verified by the secret with that ID,
	// any other by those without one.
	Secrets []Secret
	// ReadSecrets, if not nil, returns the secrets as they are now. It is called once a second
	// while there are requests or streams, so that a token is refused as soon as its secret
	// is withdrawn. While it fails, the last secrets stay in use.
	ReadSecrets func() ([]Secret, error)
	// JWKSURL is the address of the key set that verifies RS256, ES256 and EdDSA:
	// https, or http on this machine's loopback.
	JWKSURL string
	// Roots are the authorities for the certificate of that host. Nil means the
	// system's.
	Roots *x509.CertPool
	// Cookie is the name of a cookie that may hold the token in place of the Authorization
	// header; empty: none does.
	Cookie string
	// Origins are the other origins whose pages may use the cookie.
	Origins []string
	// Issuer and Audience must equal those of a token.
	Issuer, Audience string
	// MaxLife is the longest time from the issue of a token, or from now where it does not say
	// when that was, until it expires. 0 means DefaultMaxLife.
	MaxLife time.Duration
	// Now is the clock by which tokens expire. Nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// DefaultMaxLife is the default of [Config.MaxLife].
const DefaultMaxLife = 24 * time.Hour

// ErrUnauthorized is what the errors for a request without a valid token match. The text of such
// an error is the reason. It never quotes the token, and is for logs: a client is not told it.
var ErrUnauthorized = errors.New("unauthorized: expected a valid bearer token")

// ErrKeyComing is the error for a token whose key is unknown and is being fetched, because of
// that token. The client may ask again in a second.
var ErrKeyComing = errors.New("the token's key is not known yet")

// ErrKeysAway is the error of [New] where the host of the key set does not answer, or only with a
// failure of its own (5xx).
var ErrKeysAway = errors.New("the host of the token keys is away")

// refusal is the reason for refusing a token. It never quotes the token.
type refusal string

func (r refusal) Error() string { return string(r) }

// Is reports whether target is [ErrUnauthorized].
func (r refusal) Is(target error) bool { return target == ErrUnauthorized }

// leeway is the tolerated difference between the clocks of issuer and service.
const leeway = 30 * time.Second

// Verifier authenticates requests. It is safe for concurrent use.
type Verifier struct {
	now        func() time.Time
	logger     *slog.Logger
	keys       keyring
	cookie     string
	origins    []string
	maxLife    time.Duration
	base64     *base64.Encoding
	validator  *jwt.Validator
	remembered *remembered

	withdrawing sync.Mutex                // of those that store withdrawn
	withdrawn   atomic.Pointer[withdrawn] // never nil
}

// keyring is the keys that verify tokens: secrets, or a key set.
type keyring interface {
	// find returns the keys that may have signed a token with that header, of which the
	// algorithm is also the one that the token names: a token cannot determine how a key is
	// used. [ErrKeyComing] while a key that is unknown is being fetched; it does not wait.
	find(h header) ([]*verificationKey, error)
	// holds reports whether a key is still one of them.
	holds(k *verificationKey) bool
	// renew has keys fetched that are older than a stream may be to them.
	renew()
	close()
}

// New returns a Verifier after it has fetched the key set, if there is one. A failed fetch
// is an error. ctx bounds the start only; [Verifier.Close] stops the refreshing of keys.
func New(ctx context.Context, cfg Config) (*Verifier, error) {
	switch {
	case (len(cfg.Secrets) > 0) == (cfg.JWKSURL != ""):
		return nil, errors.New("new auth: exactly one of secrets and JWKS URL is required")
	case cfg.Issuer == "" || cfg.Audience == "" || cfg.Logger == nil:
		return nil, errors.New("new auth: issuer, audience and logger are required")
	case cfg.MaxLife < 0:
		return nil, errors.New("new auth: the longest life of a token is negative")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxLife == 0 {
		cfg.MaxLife = DefaultMaxLife
	}
	a := &Verifier{
		now: cfg.Now, logger: cfg.Logger, cookie: cfg.Cookie, origins: cfg.Origins, maxLife: cfg.MaxLife, remembered: newRemembered(maxRememberedBytes),
		// Strict refuses stray bits in the last character, with which one token would
		// have several spellings.
		base64: base64.RawURLEncoding.Strict(),
		validator: jwt.NewValidator(
			jwt.WithTimeFunc(cfg.Now), jwt.WithLeeway(leeway), jwt.WithIssuedAt(), jwt.WithExpirationRequired(),
			jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(cfg.Audience),
		),
	}
	a.withdrawn.Store(&withdrawn{named: make(map[string]loss), hashed: make(map[events.Subject]loss)})
	var err error
	if cfg.JWKSURL == "" {
		a.keys, err = newSecrets(cfg)
	} else {
		a.keys, err = newKeySet(ctx, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("new auth: %w", err)
	}
	return a, nil
}

// Close stops the refreshing of keys.
func (a *Verifier) Close() { a.keys.close() }

// Authenticate returns the caller that the token of a request identifies: [Verifier.Read], and
// [Token.Verify] at once.
func (a *Verifier) Authenticate(r *http.Request) (Identity, error) {
	t, err := a.Read(r)
	if err != nil {
		return Identity{}, err
	}
	return t.Verify(r.Context())
}

// Token is the token of a request. It belongs to the request's goroutine.
type Token struct {
	verifier *Verifier
	sum      [sha256.Size]byte
	memory          // of a token that has been verified
	unproven *proof // of any other
}

// proof is what is left to be proven of a token: that one of the keys has signed the claims.
type proof struct {
	signed    string
	signature []byte
	keys      []*verificationKey
	claims    claims
}

// Read reads the bearer token in the Authorization header, or without such a header the token in
// the cookie, where there is one by configuration; nothing else of the request. It checks all but
// the signature of a token that has not been verified before. [ErrUnauthorized], or
// [ErrKeyComing].
func (a *Verifier) Read(r *http.Request) (Token, error) {
	text, err := a.token(r)
	if err != nil {
		return Token{}, a.refused(r.Context(), err)
	}
	t := Token{verifier: a, sum: sha256.Sum256([]byte(text))}
	var ok bool
	if t.memory, ok = a.remembered.find(t.sum); ok && a.inForce(t.memory) {
		return t, nil
	}
	if t.unproven, err = a.check(text); err != nil {
		return Token{}, a.refused(r.Context(), err)
	}
	return t, nil
}

// refused logs why a token was refused, and returns it.
func (a *Verifier) refused(ctx context.Context, reason error) error {
	a.logger.DebugContext(ctx, "auth: token refused", slog.String("reason", reason.Error()))
	return reason
}

// inForce reports whether a token that has been verified still is valid.
func (a *Verifier) inForce(m memory) bool {
	return a.now().Before(m.caller.Expires) && a.keys.holds(m.key)
}

// Known reports whether the token has been verified before.
func (t *Token) Known() bool { return t.unproven == nil }

// Verify returns the token's caller. It verifies the signature, unless the token is known.
// [ErrUnauthorized], also where its rights were withdrawn.
func (t *Token) Verify(ctx context.Context) (Identity, error) {
	if p := t.unproven; p != nil {
		key := p.signer()
		if key == nil {
			return Identity{}, t.verifier.refused(ctx, refusal("signature: is not the key's"))
		}
		t.memory, t.unproven = memory{p.claims.identity(), p.claims.issued(), key}, nil
		t.verifier.remembered.add(t.sum, t.memory)
	}
	caller, err := t.verifier.left(t.memory)
	if err != nil {
		return Identity{}, t.verifier.refused(ctx, err)
	}
	return caller, nil
}

// Again returns the caller of a verified token, unless it has expired since, or its key or its
// rights were withdrawn. Streams call it.
func (t *Token) Again() (Identity, bool) {
	t.verifier.keys.renew()
	if !t.Known() || !t.verifier.inForce(t.memory) {
		return Identity{}, false
	}
	caller, err := t.verifier.left(t.memory)
	return caller, err == nil
}

// signer returns the key that has signed the token; nil if none of them has.
func (p *proof) signer() *verificationKey {
	for _, key := range p.keys {
		if key.method.Verify(p.signed, p.signature, key.key) == nil {
			return key
		}
	}
	return nil
}

// token returns the token of a request.
func (a *Verifier) token(r *http.Request) (string, error) {
	if a.cookie != "" && len(r.Header["Authorization"]) == 0 {
		return cookie(r, a.cookie, a.origins)
	}
	return bearer(r.Header)
}

// check checks all of a token that costs little, and that its key is known, before the signature.
func (a *Verifier) check(token string) (*proof, error) {
	j, err := cut(token, a.base64)
	if err != nil {
		return nil, err
	}
	if err := a.validator.Validate(j.claims); err != nil {
		return nil, refusal(err.Error()) // has the names of claims, not their values
	}
	if err := j.claims.check(j.header.typ, a.now(), a.maxLife); err != nil {
		return nil, err
	}
	keys, err := a.keys.find(j.header)
	if err != nil {
		return nil, err
	}
	if len(j.signature) != keys[0].signatureBytes() { // those of one token have one method
		return nil, refusal("signature: is not the key's")
	}
	return &proof{j.signed, j.signature, keys, j.claims}, nil
}
