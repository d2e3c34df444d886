package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Secret is the key that opens a channel API. It shows as "***" however it is
// printed, logged or marshalled.
type Secret struct {
	// A pointer: fmt prints the unexported fields of another package's type without
	// calling their methods, and of a pointer it prints the address.
	text *string
}

// NewSecret returns a secret of the text without the white space around it.
func NewSecret(text string) Secret {
	text = strings.TrimSpace(text)
	return Secret{&text}
}

// reveal returns the text. Only [Client.Fetch] sends it.
func (s Secret) reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Format implements [fmt.Formatter] for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Endpoint is the address of a channel API, its key, and the authorities whose
// certificates it may show.
type Endpoint struct {
	base     *url.URL
	loopback bool
	key      Secret
	roots    *x509.CertPool
}

// NewEndpoint checks the base URL of an API: https, or http on this machine's
// loopback, without user, query or fragment. The key must be printable ASCII without
// spaces. Certificates are checked against roots; nil means those of the system.
func NewEndpoint(base string, key Secret, roots *x509.CertPool) (Endpoint, error) {
	u, err := url.Parse(base)
	switch { // url's error would repeat a password
	case err != nil:
		return Endpoint{}, errors.New("base URL: is no URL; expected https://HOST[/PATH]")
	case u.User != nil, u.RawQuery != "", u.Fragment != "", u.Opaque != "":
		return Endpoint{}, errors.New("base URL: has more than scheme, host and path; expected https://HOST[/PATH]")
	case u.Hostname() == "":
		return Endpoint{}, errors.New("base URL: names no host; expected https://HOST[/PATH]")
	}
	e := Endpoint{base: u, loopback: isLoopback(u.Hostname()), key: key, roots: roots}
	if u.Scheme != "https" && (u.Scheme != "http" || !e.loopback) {
		return Endpoint{}, errors.New("base URL: expected https://, or http:// with a loopback address")
	}
	if secret := key.reveal(); secret == "" || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Endpoint{}, errors.New("key: is empty, or holds what a header cannot carry")
	}
	return e, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// String returns the base URL.
func (e Endpoint) String() string {
	if e.base == nil {
		return ""
	}
	return e.base.String()
}

// url returns the address of a path below the base. It escapes each element, so a
// campaign's name cannot change the path.
func (e Endpoint) url(elements ...string) string {
	b := strings.Builder{}
	b.WriteString(strings.TrimRight(e.base.String(), "/"))
	for _, element := range elements {
		element = url.PathEscape(element)
		if element == "." || element == ".." {
			element = strings.ReplaceAll(element, ".", "%2E")
		}
		b.WriteString("/" + element)
	}
	return b.String()
}

func (e Endpoint) tls() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: e.roots}
}

// errBlocked: the API's name resolves to an address that no channel has.
var errBlocked = errors.New("address is not allowed")

// dial connects to the API. It checks the address after the lookup of its name, so
// that a name server cannot point this service at its own machine, at link-local
// addresses or at a cloud's metadata.
func (e Endpoint) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{
		KeepAlive: 30 * time.Second,
		Control: func(_, resolved string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(resolved)
			if err != nil || !e.allowed(at.Addr()) {
				return errBlocked
			}
			return nil
		},
	}
	return d.DialContext(ctx, network, address)
}

// allowed reports whether an API may be at that address.
func (e Endpoint) allowed(ip netip.Addr) bool {
	ip = ip.Unmap()
	switch {
	case ip.IsLoopback():
		return e.loopback
	case ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast(): // 169.254.169.254 among them
		return false
	}
	switch ip.String() {
	case "fd00:ec2::254", // metadata of AWS over IPv6
		"100.100.100.200", // of Alibaba Cloud
		"168.63.129.16",   // of Azure
		"192.0.0.192":     // of Oracle Cloud
		return false
	}
	return true
}

// isCertificateError reports whether the API's certificate was not accepted.
func isCertificateError(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification)
}
