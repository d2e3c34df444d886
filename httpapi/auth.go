package httpapi

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

// Role is what somebody may do.
type Role string

// The roles.
const (
	Owner   Role = "owner"   // sees the campaigns of their own shops
	Analyst Role = "analyst" // sees every campaign
	Ops     Role = "ops"     // sees every campaign, and what only operators need
)

// Identity is who asks.
type Identity struct {
	Subject string
	Role    Role
	Stores  []events.Shop // shared by requests: not to be changed
	Expires time.Time     // when the token is no longer accepted; zero: never
}

// Scope returns what they may see (I12). Somebody without a role sees nothing.
func (i Identity) Scope() readmodel.Scope {
	switch i.Role {
	case Owner:
		return readmodel.Shops(i.Stores...)
	case Analyst, Ops:
		return readmodel.Everything()
	default:
		return readmodel.Scope{}
	}
}

// maxTokenStores is how many shops one token may name.
const maxTokenStores = 1000

func (i Identity) validate() error {
	switch {
	case !isID(i.Subject):
		return refusal("sub: expected 1 to 200 bytes of text without control characters")
	case i.Role != Owner && i.Role != Analyst && i.Role != Ops:
		return refusal("role: expected owner, analyst or ops")
	case len(i.Stores) > maxTokenStores:
		return refusal("stores: expected at most 1000")
	case i.Role == Owner && len(i.Stores) == 0:
		return refusal("stores: an owner needs at least one")
	case slices.ContainsFunc(i.Stores, func(s events.Shop) bool { return !isID(string(s)) }):
		return refusal("stores: expected 1 to 200 bytes of text without control characters each")
	}
	return nil
}

// isID reports whether an event could carry s as an id.
func isID(s string) bool {
	return s != "" && len(s) <= events.MaxIDBytes && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// MinSecretBytes is the shortest secret that tokens may be signed with: as long
// as what HS256 makes of it (RFC 7518, section 3.2).
const MinSecretBytes = sha256.Size

// AuthConfig says whose tokens are believed. Exactly one of Secret and JWKSURL
// is given.
type AuthConfig struct {
	// Secret verifies HS256. At least [MinSecretBytes].
	Secret []byte
	// JWKSURL is where the keys are that verify RS256, ES256 and EdDSA: https,
	// or http on this machine's loopback.
	JWKSURL string
	// Roots judge the certificate of that host. Nil: the system's.
	Roots *x509.CertPool
	// Issuer and Audience are those that a token must name, letter by letter.
	Issuer, Audience string
	// Now is the clock by which tokens expire. Nil: time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// errUnauthorized is the one error of [Auth.Authenticate]: a client learns
// nothing about why a token was refused. The log at level debug does.
var errUnauthorized = errors.New("unauthorized: expected a valid bearer token")

// refusal says why a token was refused. It never repeats a part of the token.
type refusal string

func (r refusal) Error() string { return string(r) }

// leeway is how far the clocks of issuer and service may be apart.
const leeway = 30 * time.Second

// rememberFor is for how long a verified token is not verified again: for so
// long a key that was withdrawn may still open the API.
const rememberFor = time.Minute

// Auth tells who asks. It is safe for concurrent use.
type Auth struct {
	now        func() time.Time
	logger     *slog.Logger
	secret     *verificationKey // nil: keys
	keys       *keySet
	base64     *base64.Encoding
	validator  *jwt.Validator
	remembered remembered
}

// NewAuth returns an Auth, once its keys are there: a key set that cannot be
// fetched is an error. ctx bounds the start only; [Auth.Close] ends the rest.
func NewAuth(ctx context.Context, cfg AuthConfig) (*Auth, error) {
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
	a := &Auth{
		now: cfg.Now, logger: cfg.Logger, remembered: newRemembered(maxRemembered),
		// Strict: with stray bits in the last character two texts would be one token.
		base64: base64.RawURLEncoding.Strict(),
		validator: jwt.NewValidator(
			jwt.WithTimeFunc(cfg.Now), jwt.WithLeeway(leeway), jwt.WithIssuedAt(), jwt.WithExpirationRequired(),
			jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(cfg.Audience),
		),
	}
	if cfg.JWKSURL == "" {
		a.secret = &verificationKey{jwt.SigningMethodHS256, slices.Clone(cfg.Secret)}
		return a, nil
	}
	var err error
	if a.keys, err = newKeySet(ctx, cfg); err != nil {
		return nil, fmt.Errorf("new auth: %w", err)
	}
	return a, nil
}

// Close ends the refreshing of keys.
func (a *Auth) Close() {
	if a.keys != nil {
		a.keys.close()
	}
}

// Authenticate returns who sends a request, by the bearer token in its
// Authorization header and by nothing else.
func (a *Auth) Authenticate(r *http.Request) (Identity, error) {
	token, err := bearer(r.Header)
	if err == nil {
		var who Identity
		if who, err = a.identify(r.Context(), token); err == nil {
			return who, nil
		}
	}
	a.logger.DebugContext(r.Context(), "http: token refused", slog.String("reason", err.Error()))
	return Identity{}, errUnauthorized
}

func (a *Auth) identify(ctx context.Context, token string) (Identity, error) {
	now, sum := a.now(), sha256.Sum256([]byte(token))
	if who, ok := a.remembered.find(sum, now); ok {
		return who, nil
	}
	c, err := a.verify(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	who, until := c.who(), now.Add(rememberFor)
	if who.Expires.Before(until) {
		until = who.Expires
	}
	a.remembered.add(sum, memory{who, until})
	return who, nil
}

// verify checks the signature before it looks at what was signed.
func (a *Auth) verify(ctx context.Context, token string) (claims, error) {
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
		return claims{}, err // names claims, not their values
	}
	if c.IssuedAt != nil && !c.IssuedAt.Before(c.ExpiresAt.Time) {
		return claims{}, refusal("exp: is not after iat")
	}
	if err := c.who().validate(); err != nil {
		return claims{}, err
	}
	return c, nil
}

// key returns the key that a token names, if it is for the algorithm that the
// token names: what a token says never decides how a key is used.
func (a *Auth) key(ctx context.Context, h header) (verificationKey, error) {
	if a.secret != nil {
		if h.alg != a.secret.method.Alg() {
			return verificationKey{}, refusal("alg: expected HS256")
		}
		return *a.secret, nil
	}
	switch h.alg { // before anything is looked up
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

// Sign returns an HS256 token by which [Auth.Authenticate] knows i, from when it
// is issued until it expires; the Expires of i itself is not asked.
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
	if len(i.Stores) > 0 {
		signed["stores"] = i.Stores
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, signed).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	if len(token) > maxTokenBytes {
		return "", fmt.Errorf("sign token: with so many stores it is %d bytes; expected at most %d", len(token), maxTokenBytes)
	}
	return token, nil
}
