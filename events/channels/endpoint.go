package channels

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

// Secret is what a channel API knows this service by. However it is printed,
// logged or marshalled, it shows as "***".
type Secret struct {
	// A pointer, for fmt prints what it finds in a stranger's unexported field
	// without asking its methods; of a pointer it shows the address.
	text *string
}

// NewSecret returns a secret; white space around it is no part of it.
func NewSecret(text string) Secret {
	text = strings.TrimSpace(text)
	return Secret{&text}
}

// Reveal returns the text. Only the clients of the APIs call it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Format implements [fmt.Formatter] for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Bounds of what the clients of the APIs keep and accept.
const (
	// MaxHeaderBytes is the longest header of an answer.
	MaxHeaderBytes = 64 << 10
	// IdleTimeout is how long a connection is kept that nobody uses.
	IdleTimeout = 90 * time.Second
)

// Endpoint is where a channel API is and how to get in.
type Endpoint struct {
	base     *url.URL
	loopback bool
	key      Secret
	roots    *x509.CertPool
}

// NewEndpoint checks the base URL of an API: https, or http on this machine's
// loopback, without user, query or fragment. The key must be one that fits into
// a header. Certificates are checked against roots; nil: those of the system.
func NewEndpoint(base string, key Secret, roots *x509.CertPool) (Endpoint, error) {
	u, err := url.Parse(base)
	switch { // the library's error would repeat a password
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
	if secret := key.Reveal(); secret == "" || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
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

// Key is what opens the API.
func (e Endpoint) Key() Secret { return e.key }

// String returns the base URL.
func (e Endpoint) String() string {
	if e.base == nil {
		return ""
	}
	return e.base.String()
}

// URL returns the address of a path below the base, each of whose elements is
// escaped, so that no campaign's name can lead anywhere else.
func (e Endpoint) URL(elements ...string) string {
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

// TLS returns how the API is made sure of.
func (e Endpoint) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: e.roots}
}

// errBlocked: the API's name leads to where no channel is.
var errBlocked = errors.New("address is not allowed")

// Dial connects to the API. Addresses are judged after their name has been
// looked up, so that no name server can point this service at its own machine,
// at link-local addresses or at a cloud's metadata.
func (e Endpoint) Dial(ctx context.Context, network, address string) (net.Conn, error) {
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

// isCertificateError reports whether the API could not be made sure of.
func isCertificateError(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification)
}
