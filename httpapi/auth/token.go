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
	// maxTokenBytes is the longest token; a longer one is not parsed.
	maxTokenBytes = 4 << 10
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
		return "", refusal("the token is longer than 4096 bytes")
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
		return "", refusal("the token is longer than 4096 bytes")
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
	claims    []byte
	signed    string // header and claims, encoded
	signature []byte
}

func cut(token string, strict *base64.Encoding) (jws, error) {
	first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
	switch {
	case strings.Count(token, ".") != 2:
		return jws{}, refusal("the token does not have three parts")
	case strings.ContainsAny(token, "\r\n"): // the decoder ignores them
		return jws{}, refusal("the token contains a line break")
	}
	j := jws{signed: token[:last]}
	head, err := strict.DecodeString(token[:first])
	if err != nil {
		return jws{}, refusal("header: is not base64url")
	}
	if j.claims, err = strict.DecodeString(token[first+1 : last]); err != nil {
		return jws{}, refusal("claims: are not base64url")
	}
	if j.signature, err = strict.DecodeString(token[last+1:]); err != nil {
		return jws{}, refusal("signature: is not base64url")
	}
	if err := json.Unmarshal(head, &j.header); err != nil {
		return jws{}, reason(err, "header: is not one JSON object with each name once")
	}
	return j, nil
}

// header is the part of a token's header that is read. A kid is only looked up among the
// known keys.
type header struct{ alg, kid string }

var _ json.UnmarshalerFrom = (*header)(nil)

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (h *header) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return eachMember(d, func(name string) (err error) {
		switch name {
		case "alg":
			h.alg, err = text(d)
		case "kid":
			h.kid, err = text(d)
			if err == nil && (len(h.kid) > maxKidBytes || strings.ContainsFunc(h.kid, func(r rune) bool { return r < ' ' || r > '~' })) {
				return refusal("kid: expected at most 200 printable ASCII characters")
			}
		case "typ":
			_, err = text(d)
		case "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "enc", "zip":
			return refusal("header: brings its own key, or asks for more than a signature")
		default:
			err = d.SkipValue()
		}
		return err
	})
}

// claims are the claims that are read.
type claims struct {
	jwt.RegisteredClaims
	role  Role
	shops []events.Shop
}

// identity returns the caller that valid claims identify.
func (c claims) identity() Identity {
	return Identity{Subject: c.Subject, Role: c.role, Shops: c.shops, Expires: c.ExpiresAt.Add(leeway)}
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
