package service

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"jangbu/cmd/jangbu/tokens"
	"jangbu/httpapi"
	"jangbu/httpapi/auth"
)

// maxTokenLife bounds --token-max-life.
const maxTokenLife = 365 * 24 * time.Hour

// authConfig is the flags that say who may read.
type authConfig struct {
	JWTSecretFile  []string      `env:"JANGBU_JWT_SECRET_FILE" placeholder:"[KID=]FILE,…" help:"Secrets that verify tokens (HS256): each at least 32 bytes, readable by its owner only, read again when it changes. KID is that of its tokens."`
	JWKSURL        string        `name:"jwks-url" env:"JANGBU_JWKS_URL" placeholder:"URL" help:"Where the keys are that verify tokens (RS256, ES256, EdDSA): https://…, or http:// on this machine."`
	JWTIssuer      string        `env:"JANGBU_JWT_ISSUER" placeholder:"NAME" help:"Issuer that a token must name: its iss, compared exactly. Required with either."`
	JWTAudience    string        `env:"JANGBU_JWT_AUDIENCE" placeholder:"NAME" help:"Audience that a token must name: one of its aud, compared exactly. Required with either."`
	TokenMaxLife   time.Duration `env:"JANGBU_TOKEN_MAX_LIFE" default:"24h" placeholder:"DURATION" help:"Longest life of a token, from its iat to its exp (${default}; 0: the same)."`
	TokenCookie    string        `env:"JANGBU_TOKEN_COOKIE" placeholder:"NAME" help:"Cookie that may hold the token where a request has no Authorization header."`
	CORSOrigins    []string      `name:"cors-origins" env:"JANGBU_CORS_ORIGINS" placeholder:"ORIGIN,…" help:"Origins of other sites whose pages may read the API, as in https://shop.example.com, and use the cookie."`
	InsecureNoAuth bool          `help:"Ask for no tokens: every client that reaches the read API can read everything."`
}

// validate reports each flag that is wrong. One way to identify callers must be chosen, so
// that no API is open because nothing was said.
func (c authConfig) validate(wrong func(flag, format string, args ...any)) {
	ways := 0
	for _, chosen := range []bool{len(c.JWTSecretFile) > 0, c.JWKSURL != "", c.InsecureNoAuth} {
		if chosen {
			ways++
		}
	}
	const all = "--jwt-secret-file, --jwks-url or --insecure-no-auth"
	switch {
	case ways == 0:
		wrong("jwt-secret-file", "nothing says who may read; give one of "+all)
	case ways > 1:
		wrong("jwt-secret-file", "give only one of "+all)
	}
	if len(c.JWTSecretFile) > 0 {
		secrets, err := tokens.ReadSecrets(c.JWTSecretFile)
		if err == nil {
			err = auth.CheckSecrets(secrets)
		}
		if err != nil {
			wrong("jwt-secret-file", "%v", err)
		}
	}
	if c.TokenMaxLife < 0 || c.TokenMaxLife > maxTokenLife {
		wrong("token-max-life", "expected at most 8760h, as in 24h")
	}
	if c.JWKSURL != "" {
		if _, err := auth.ParseJWKSURL(c.JWKSURL); err != nil {
			wrong("jwks-url", "%v", err)
		}
	}
	if c.TokenCookie != "" && (&http.Cookie{Name: c.TokenCookie, Value: "x"}).Valid() != nil {
		wrong("token-cookie", "%q is no name of a cookie: expected letters, digits, - and _", c.TokenCookie)
	}
	for _, origin := range c.CORSOrigins {
		if _, err := httpapi.ParseOrigin(origin); err != nil {
			wrong("cors-origins", "%q: %v", origin, err)
		}
	}
	if len(c.JWTSecretFile) == 0 && c.JWKSURL == "" {
		return
	}
	if c.JWTIssuer == "" {
		wrong("jwt-issuer", "required where tokens are verified")
	}
	if c.JWTAudience == "" {
		wrong("jwt-audience", "required where tokens are verified")
	}
}

// tokenLife returns how long a token lives at most.
func (c authConfig) tokenLife() time.Duration { return cmp.Or(c.TokenMaxLife, auth.DefaultMaxLife) }

// start returns what identifies callers; nil with --insecure-no-auth.
func (c authConfig) start(ctx context.Context, logger *slog.Logger) (*auth.Verifier, error) {
	if c.InsecureNoAuth {
		return nil, nil
	}
	cfg := auth.Config{JWKSURL: c.JWKSURL, Issuer: c.JWTIssuer, Audience: c.JWTAudience, Cookie: c.TokenCookie, Origins: c.CORSOrigins, MaxLife: c.tokenLife(), Logger: logger}
	if len(c.JWTSecretFile) > 0 {
		var err error
		cfg.ReadSecrets = func() ([]auth.Secret, error) { return tokens.ReadSecrets(c.JWTSecretFile) }
		if cfg.Secrets, err = cfg.ReadSecrets(); err != nil {
			return nil, err
		}
	}
	return auth.New(ctx, cfg)
}

// doorConfig is the flags that say where the page gets a token for its viewer.
type doorConfig struct {
	LoginURL string `name:"login-url" env:"JANGBU_LOGIN_URL" placeholder:"URL" help:"Where the page sends a viewer to sign in: https://… or /PATH; return_to, the page's address, is added to its query."`
	TokenURL string `name:"token-url" env:"JANGBU_TOKEN_URL" placeholder:"URL" help:"Where the page quietly gets another token: it POSTs there with the browser's cookies and expects {\"token\": \"…\"}."`
}

// door returns the addresses, nil where there is none, and reports each flag that is wrong.
func (c doorConfig) door(wrong func(flag, format string, args ...any)) (login, token *url.URL) {
	address := func(flag, s string) *url.URL {
		if s == "" {
			return nil
		}
		u, err := httpapi.ParsePageURL(s)
		if err != nil {
			wrong(flag, "%v", err)
		}
		return u
	}
	return address("login-url", c.LoginURL), address("token-url", c.TokenURL)
}
