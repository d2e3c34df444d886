package auth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"jangbu/events"
)

const (
	// maxTokenBytes is the longest token; a longer one is not parsed. One that names 1,000 shops
	// by UUIDs has 53,000 bytes.
	maxTokenBytes = 64 << 10
	// maxKidBytes bounds the name of a key.
	maxKidBytes = 200
	// lastSecond is the last second of the year 9999.
	lastSecond = 253_402_300_799
)

// bearer returns the token of the only Authorization header.
func bearer(h http.Header) (string, error) {
	const scheme = "Bearer "
	switch values := h["Authorization"]; {
	case len(values) == 0:
		return "", refusal("there is no Authorization header")
	case len(values) > 1:
		return "", refusal("there are several Authorization headers")
	case len(values[0]) > len(scheme)+maxTokenBytes:
		return "", refusal("the token is longer than 65536 bytes")
	case len(values[0]) <= len(scheme) || !strings.EqualFold(values[0][:len(scheme)], scheme):
		return "", refusal("the Authorization header is not Bearer and a token")
	default:
		return values[0][len(scheme):], nil
	}
}

// cookie returns the token in the only cookie of that name. A browser sends cookies also for other
// sites' scripts, which must not be answered by a cookie that they cannot read, unless they are of
// one of the origins.
func cookie(r *http.Request, name string, origins []string) (string, error) {
	switch cookies := r.CookiesNamed(name); {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return "", refusal("a cookie is for GET and HEAD only")
	case !fromSameOrigin(r) && !fromOrigin(r, origins):
		return "", refusal("another site has sent the cookie")
	case len(cookies) == 0:
		return "", refusal("there is neither an Authorization header nor the cookie")
	case len(cookies) > 1:
		return "", refusal("there are several cookies of the name")
	case len(cookies[0].Value) > maxTokenBytes:
		return "", refusal("the token is longer than 65536 bytes")
	default:
		return cookies[0].Value, nil
	}
}

// fromSameOrigin reports whether a request comes from a page of this host, or from no page.
func fromSameOrigin(r *http.Request) bool {
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return false
		}
	}
	for _, origin := range r.Header["Origin"] {
		u, err := url.Parse(origin)
		if err != nil || u.Host != r.Host {
			return false
		}
	}
	return true
}

// fromOrigin reports whether a request comes from a page of one of the origins.
func fromOrigin(r *http.Request, origins []string) bool {
	from := r.Header["Origin"]
	return len(from) == 1 && slices.Contains(origins, from[0])
}

// jws is a token in the compact serialisation of RFC 7515, cut into its parts.
type jws struct {
	header    header
	claims    claims
	signed    string // header and claims, encoded
	signature []byte
}

func cut(token string, strict *base64.Encoding) (j jws, err error) {
	first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
	switch {
	case strings.Count(token, ".") != 2:
		return j, refusal("the token does not have three parts")
	case strings.ContainsAny(token, "\r\n"): // the decoder ignores them
		return j, refusal("the token contains a line break")
	}
	j.signed = token[:last]
	text, err := strict.DecodeString(token[:first])
	if err != nil {
		return j, refusal("header: is not base64url")
	}
	if err := json.Unmarshal(text, &j.header); err != nil {
		return j, reason(err, "header: is not one JSON object with each name once")
	}
	if j.signature, err = strict.DecodeString(token[last+1:]); err != nil {
		return j, refusal("signature: is not base64url")
	}
	if text, err = strict.DecodeString(token[first+1 : last]); err != nil {
		return j, refusal("claims: are not base64url")
	}
	if err := json.Unmarshal(text, &j.claims); err != nil {
		return j, reason(err, "claims: are not one JSON object with each name once")
	}
	return j, nil
}

// header is the part of a token's header that is read. A kid is only looked up among the
// known keys.
type header struct{ alg, kid, typ string }

var _ json.UnmarshalerFrom = (*header)(nil)

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (h *header) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return eachMember(d, func(name string) (err error) {
		switch name {
		case "alg":
			h.alg, err = text(d)
		case "kid":
			h.kid, err = text(d)
			if err == nil && !isKid(h.kid) {
				return refusal("kid: expected at most 200 printable ASCII characters")
			}
		case "typ":
			h.typ, err = text(d)
		case "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "enc", "zip":
			return refusal("header: brings its own key, or asks for more than a signature")
		default:
			err = d.SkipValue()
		}
		return err
	})
}

// isKid reports whether s may be the name of a key; empty: it names none.
func isKid(s string) bool {
	return len(s) <= maxKidBytes && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// claims are the claims that are read.
type claims struct {
	jwt.RegisteredClaims
	role  Role
	shops []events.Shop
	none  bool // names shops, and there are none
	forID bool // has a claim that only ID tokens have
}

// identity returns the caller that valid claims identify.
func (c *claims) identity() Identity {
	return Identity{Subject: c.Subject, Role: c.role, Shops: c.shops, Expires: c.ExpiresAt.Add(leeway)}
}

// issued returns when the token was issued; zero where it does not say.
func (c *claims) issued() time.Time {
	if c.IssuedAt == nil {
		return time.Time{}
	}
	return c.IssuedAt.Time
}

// check checks what the validator of registered claims does not: that the token is an access
// token of a bounded life, and whom it identifies.
func (c *claims) check(typ string, now time.Time, maxLife time.Duration) error {
	issued := now
	if c.IssuedAt != nil {
		issued = c.IssuedAt.Time
	}
	switch {
	case c.IssuedAt != nil && !issued.Before(c.ExpiresAt.Time):
		return refusal("exp: is not after iat")
	case c.ExpiresAt.After(issued.Add(maxLife)):
		return refusal("exp: is later than a token may live")
	}
	// RFC 9068 names the type of an access token. Others do not, and then an ID token of the
	// same issuer and audience is known by its claims (OpenID Connect Core, 3.1.3.6).
	switch strings.ToLower(typ) {
	case "at+jwt", "application/at+jwt":
	case "", "jwt", "application/jwt":
		if c.forID {
			return refusal("typ: is that of an ID token; expected an access token")
		}
	default:
		return refusal("typ: expected at+jwt, or JWT")
	}
	if c.none && c.role == Analyst {
		return refusal("stores: of an analyst, are none; expected some, or no such claim for all")
	}
	return c.identity().validate()
}

var _ json.UnmarshalerFrom = (*claims)(nil)

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (c *claims) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return eachMember(d, func(name string) (err error) {
		switch name {
		case "iss":
			c.Issuer, err = text(d)
		case "sub":
			c.Subject, err = text(d)
		case "aud":
			if d.PeekKind() == '[' {
				c.Audience, err = texts[string](d)
			} else {
				c.Audience = make(jwt.ClaimStrings, 1)
				c.Audience[0], err = text(d)
			}
		case "exp":
			c.ExpiresAt, err = seconds(d)
		case "nbf":
			c.NotBefore, err = seconds(d)
		case "iat":
			c.IssuedAt, err = seconds(d)
		case "role":
			var role string
			role, err = text(d)
			c.role = Role(role)
		case "stores":
			c.shops, err = texts[events.Shop](d)
			c.none = len(c.shops) == 0
		case "nonce", "at_hash", "c_hash":
			c.forID = true
			err = d.SkipValue()
		default:
			err = d.SkipValue()
		}
		return err
	})
}

// eachMember reads an object. It calls read after the name of each member, to read the
// value.
func eachMember(d *jsontext.Decoder, read func(name string) error) error {
	if d.PeekKind() != '{' {
		return refusal("header or claims: expected an object")
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := read(name.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func text(d *jsontext.Decoder) (string, error) {
	if d.PeekKind() != '"' {
		return "", refusal("header or claims: expected a string")
	}
	token, err := d.ReadToken()
	if err != nil {
		return "", err
	}
	return token.String(), nil
}

func texts[T ~string](d *jsontext.Decoder) ([]T, error) {
	if d.PeekKind() != '[' {
		return nil, refusal("claims: expected an array of strings")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	var all []T
	for d.PeekKind() != ']' {
		s, err := text(d)
		if err != nil {
			return nil, err
		}
		all = append(all, T(s))
	}
	_, err := d.ReadToken()
	return all, err
}

// seconds reads a time in whole seconds. It refuses fractions and exponents, so the length
// of the text bounds the value.
func seconds(d *jsontext.Decoder) (*jwt.NumericDate, error) {
	const want = refusal("exp, nbf or iat: expected whole seconds of the years 1970 to 9999")
	if d.PeekKind() != '0' {
		return nil, want
	}
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(token.String(), 10, 64)
	if err != nil || n < 0 || n > lastSecond {
		return nil, want
	}
	return &jwt.NumericDate{Time: time.Unix(n, 0)}, nil
}

// reason returns the refusal that err wraps, or else otherwise: a decoder's own error quotes
// the token.
func reason(err error, otherwise refusal) error {
	if r, ok := errors.AsType[refusal](err); ok {
		return r
	}
	return otherwise
}
