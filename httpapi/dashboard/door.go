package dashboard

import (
	"errors"
	"html"
	"net/url"
	"strings"
)

// Door is where the page sends a viewer who needs a token. Its addresses are of
// [ParseDoorURL]; nil ones are unknown.
type Door struct {
	// Login is where a viewer signs in. The page adds return_to, its own address, to the query.
	Login *url.URL
	// Token is where the page asks for a token, by POST and with the browser's cookies. It
	// answers {"token": "…"}.
	Token *url.URL
}

// ParseDoorURL parses an address of a [Door]: https://HOST/…, http://HOST/…, or a path from / of
// the page's own host.
func ParseDoorURL(s string) (*url.URL, error) {
	expected := errors.New("expected https://HOST/PATH, http://HOST/PATH or /PATH")
	u, err := url.Parse(s)
	switch {
	case err != nil, strings.ContainsAny(s, "\\ \t\r\n"): // browsers take \ for /
		return nil, expected
	case u.User != nil:
		return nil, errors.New("must not have a user name: every viewer would read it")
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//"):
		return u, nil
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", strings.ContainsFunc(u.Host, notOfHost):
		return nil, expected
	}
	return u, nil
}

// notOfHost reports a rune that no host and port have, and which would end the host in a
// Content-Security-Policy.
func notOfHost(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]", r)
}

// meta returns the elements that tell the page of the door.
func (d Door) meta() string {
	var elements strings.Builder
	for _, address := range []struct {
		name string
		at   *url.URL
	}{{"login", d.Login}, {"token", d.Token}} {
		if address.at != nil {
			elements.WriteString(`<meta name="jangbu:` + address.name + `" content="` + html.EscapeString(address.at.String()) + "\">\n")
		}
	}
	return elements.String()
}

// policy returns the page's Content-Security-Policy. Besides its own host the page asks the
// token's.
func (d Door) policy() string {
	connect := "'self'"
	if d.Token != nil && d.Token.Host != "" {
		connect += " " + d.Token.Scheme + "://" + d.Token.Host
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src " + connect + "; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}
