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
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

// Role is the role that a token names.
type Role string

// The roles.
const (
	Owner   Role = "owner"   // sees the campaigns of their own shops
	Analyst Role = "analyst" // sees every campaign
	Ops     Role = "ops"     // sees every campaign
)

// Identity identifies a caller.
type Identity struct {
	Subject string
	Role    Role
	Shops   []events.Shop // shared by requests, so it must not be modified
	Expires time.Time     // when the token is no longer accepted; zero means never
}

// Scope returns the campaigns that the caller may see (I12): without a role, none.
func (i Identity) Scope() readmodel.Scope {
	switch i.Role {
	case Owner:
		return readmodel.Shops(i.Shops...)
	case Analyst, Ops:
		return readmodel.Everything()
	default:
		return readmodel.Scope{}
	}
}

// maxTokenStores is how many shops one token may name.
const maxTokenShops = 1000

func (i Identity) validate() error {
	switch {
	case !isID(i.Subject):
		return refusal("sub: expected 1 to 200 bytes of text without control characters")
	case i.Role != Owner && i.Role != Analyst && i.Role != Ops:
		return refusal("role: expected owner, analyst or ops")
	case len(i.Shops) > maxTokenShops:
		return refusal("stores: expected at most 1000")
	case i.Role == Owner && len(i.Shops) == 0:
		return refusal("stores: an owner needs at least one")
	case slices.ContainsFunc(i.Shops, func(s events.Shop) bool { return !isID(string(s)) }):
		return refusal("stores: expected 1 to 200 bytes of text without control characters each")
	}
	return nil
}

// isID reports whether s is valid as the id of a campaign, a shop or a subject.
func isID(s string) bool {
	return s != "" && len(s) <= events.MaxIDBytes && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// MinSecretBytes is the length of the shortest secret that may sign tokens: that of an
// HS256 signature (RFC 7518, section 3.2).
const MinSecretBytes = sha256.Size

// Config configures a [Verifier]. Exactly one of Secret and JWKSURL is required.
type Config struct {
	// Secret verifies HS256. It has at least [MinSecretBytes].
	Secret []byte
	// ReadSecret, if not nil, returns the secret as it is now. It is called once a second
	// while there are requests or streams, so that a token is refused as soon as its secret
	// is exchanged. While it fails, the last secret stays in use.
	ReadSecret func() ([]byte, error)
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
	// Now is the clock by which tokens expire. Nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// ErrUnauthorized is what every error of [Verifier.Authenticate] matches. The text of such an
// error is the reason. It never quotes the token, and is for logs: a client is not told it.
var ErrUnauthorized = errors.New("unauthorized: expected a valid bearer token")

// refusal is the reason for refusing a token. It never quotes the token.
type refusal string

func (r refusal) Error() string { return string(r) }

// Is reports whether target is [ErrUnauthorized].
func (r refusal) Is(target error) bool { return target == ErrUnauthorized }

// leeway is the tolerated difference between the clocks of issuer and service.
const leeway = 30 * time.Second

// rememberFor is how long a verified token is not verified again, unless the keys change.
const rememberFor = time.Minute

// Verifier authenticates requests. It is safe for concurrent use.
type Verifier struct {
	now        func() time.Time
	logger     *slog.Logger
	secret     *secret // nil where keys is set
	keys       *keySet
	cookie     string
	origins    []string
	base64     *base64.Encoding
	validator  *jwt.Validator
	remembered remembered
}

// New returns a Verifier after it has fetched the key set, if there is one. A failed fetch
// is an error. ctx bounds the start only; [Verifier.Close] stops the refreshing of keys.
func New(ctx context.Context, cfg Config) (*Verifier, error) {
	switch {
	case (len(cfg.Secret) > 0) == (cfg.JWKSURL != ""):
		return nil, errors.New("new auth: exactly one of secret and JWKS URL is required")
	case cfg.JWKSURL == "" && len(cfg.Secret) < MinSecretBytes:
		return nil, fmt.Errorf("new auth: the secret is %d bytes; expected at least %d", len(cfg.Secret), MinSecretBytes)
	case cfg.Issuer == "" || cfg.Audience == "" || cfg.Logger == nil:
		return nil, errors.New("new auth: issuer, audience and logger are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	a := &Verifier{
		now: cfg.Now, logger: cfg.Logger, cookie: cfg.Cookie, origins: cfg.Origins, remembered: newRemembered(maxRemembered),
		// Strict refuses stray bits in the last character, with which one token would
		// have several spellings.
		base64: base64.RawURLEncoding.Strict(),
		validator: jwt.NewValidator(
			jwt.WithTimeFunc(cfg.Now), jwt.WithLeeway(leeway), jwt.WithIssuedAt(), jwt.WithExpirationRequired(),
			jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(cfg.Audience),
		),
	}
	if cfg.JWKSURL == "" {
		a.secret = newSecret(cfg)
		return a, nil
	}
	var err error
	if a.keys, err = newKeySet(ctx, cfg); err != nil {
		return nil, fmt.Errorf("new auth: %w", err)
	}
	return a, nil
}

// Close stops the refreshing of keys.
func (a *Verifier) Close() {
	if a.keys != nil {
		a.keys.close()
	}
}

// Authenticate returns the caller that the bearer token in the Authorization header identifies,
// or without such a header the token in the cookie, where there is one by configuration. It reads
// nothing else of the request.
func (a *Verifier) Authenticate(r *http.Request) (Identity, error) {
	token, err := a.token(r)
	if err == nil {
		var caller Identity
		if caller, err = a.identify(r.Context(), token); err == nil {
			return caller, nil
		}
	}
	a.logger.DebugContext(r.Context(), "auth: token refused", slog.String("reason", err.Error()))
	return Identity{}, err
}

// Again reports whether the token of a request that was authenticated still identifies its
// caller. It has a key set fetched that is older than a stream may be to its key.
func (a *Verifier) Again(r *http.Request) bool {
	if a.keys != nil {
		a.keys.renew()
	}
	_, err := a.Authenticate(r)
	return err == nil
}

// token returns the token of a request.
func (a *Verifier) token(r *http.Request) (string, error) {
	if a.cookie != "" && len(r.Header["Authorization"]) == 0 {
		return cookie(r, a.cookie, a.origins)
	}
	return bearer(r.Header)
}

// inForce identifies the keys that verify tokens now.
func (a *Verifier) inForce() any {
	if a.secret != nil {
		return a.secret.now()
	}
	return a.keys.keys.Load()
}

func (a *Verifier) identify(ctx context.Context, token string) (Identity, error) {
	now, keys, sum := a.now(), a.inForce(), sha256.Sum256([]byte(token))
	if caller, ok := a.remembered.find(sum, keys, now); ok {
		return caller, nil
	}
	c, err := a.verify(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	caller, until := c.identity(), now.Add(rememberFor)
	if caller.Expires.Before(until) {
		until = caller.Expires
	}
	a.remembered.add(sum, memory{caller, keys, until})
	return caller, nil
}

// verify checks the signature before it reads the claims.
func (a *Verifier) verify(ctx context.Context, token string) (claims, error) {
	j, err := cut(token, a.base64)
	if err != nil {
		return claims{}, err
	}
	key, err := a.key(ctx, j.header)
	if err != nil {
		return claims{}, err
	}
	if err := key.method.Verify(j.signed, j.signature, key.key); err != nil {
		return claims{}, refusal("signature: is not the key's")
	}
	var c claims
	if err := json.Unmarshal(j.claims, &c); err != nil {
		return claims{}, reason(err, "claims: are not one JSON object with each name once")
	}
	if err := a.validator.Validate(c); err != nil {
		return claims{}, refusal(err.Error()) // has the names of claims, not their values
	}
	if c.IssuedAt != nil && !c.IssuedAt.Before(c.ExpiresAt.Time) {
		return claims{}, refusal("exp: is not after iat")
	}
	if err := c.identity().validate(); err != nil {
		return claims{}, err
	}
	return c, nil
}

// key returns the key that a token names, if its algorithm is also the one that the token
// names. A token thus cannot determine how a key is used.
func (a *Verifier) key(ctx context.Context, h header) (verificationKey, error) {
	if a.secret != nil {
		key := a.secret.now()
		if h.alg != key.method.Alg() {
			return verificationKey{}, refusal("alg: expected HS256")
		}
		return *key, nil
	}
	switch h.alg { // before the lookup of the key
	case jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg():
	default:
		return verificationKey{}, refusal("alg: expected RS256, ES256 or EdDSA")
	}
	key, ok := a.keys.find(ctx, h.kid)
	switch {
	case !ok:
		return verificationKey{}, refusal("kid: is unknown")
	case key.method.Alg() != h.alg:
		return verificationKey{}, refusal("alg: is not the key's")
	}
	return key, nil
}

// Sign returns an HS256 token that [Verifier.Authenticate] accepts for i, from issued until
// expires. It ignores the Expires of i.
func (i Identity) Sign(secret []byte, issuer, audience string, issued, expires time.Time) (string, error) {
	if len(secret) < MinSecretBytes {
		return "", fmt.Errorf("sign token: the secret is %d bytes; expected at least %d", len(secret), MinSecretBytes)
	}
	if err := i.validate(); err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	signed := jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": i.Subject, "iat": issued.Unix(), "exp": expires.Unix(), "role": i.Role,
	}
	if len(i.Shops) > 0 {
		signed["stores"] = i.Shops
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, signed).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	if len(token) > maxTokenBytes {
		return "", fmt.Errorf("sign token: with so many shops it is %d bytes; expected at most %d", len(token), maxTokenBytes)
	}
	return token, nil
}
