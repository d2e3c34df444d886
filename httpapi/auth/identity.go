package auth

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

// Role is the role that a token names.
type Role string

// The roles.
const (
	Owner   Role = "owner"   // sees the campaigns of their own shops
	Analyst Role = "analyst" // sees every campaign, or those of the shops that the token names
	Ops     Role = "ops"     // likewise
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
		if len(i.Shops) > 0 {
			return readmodel.Shops(i.Shops...)
		}
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

// Sign returns an HS256 token (RFC 9068) that [Verifier.Authenticate] accepts for i, from issued
// until expires. It ignores the Expires of i.
func (i Identity) Sign(secret Secret, issuer, audience string, issued, expires time.Time) (string, error) {
	if err := secret.validate(); err != nil {
		return "", fmt.Errorf("sign token: %w", err)
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
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, signed)
	unsigned.Header["typ"] = "at+jwt"
	if secret.ID != "" {
		unsigned.Header["kid"] = secret.ID
	}
	token, err := unsigned.SignedString(secret.Text)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	if len(token) > maxTokenBytes {
		return "", fmt.Errorf("sign token: with so many shops it is %d bytes; expected at most %d", len(token), maxTokenBytes)
	}
	return token, nil
}
