package httpapi

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// TestClientIsBehindTrustedProxies: what headers say of the caller counts from trusted proxies
// only, and the caller cannot add to it.
func TestClientIsBehindTrustedProxies(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		from    string
		tls     bool
		header  []string
		address string
		https   bool
		host    string // "": as it was sent
	}{
		"no proxy":                            {"192.0.2.1:1", false, nil, "192.0.2.1", false, ""},
		"TLS":                                 {"192.0.2.1:1", true, nil, "192.0.2.1", true, ""},
		"IPv4 in IPv6":                        {"[::ffff:192.0.2.1]:1", false, nil, "192.0.2.1", false, ""},
		"a stranger's headers":                {"192.0.2.1:1", false, []string{"X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example", "Forwarded: for=198.51.100.7;proto=https;host=evil.example"}, "192.0.2.1", false, ""},
		"a proxy":                             {"10.0.0.1:1", false, []string{"X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: jangbu.example:8443"}, "198.51.100.7", true, "jangbu.example:8443"},
		"a proxy in IPv4 in IPv6":             {"[::ffff:10.0.0.1]:1", false, []string{"X-Forwarded-For: 198.51.100.7"}, "198.51.100.7", false, ""},
		"a proxy in IPv6":                     {"[fd00::1%eth0]:1", false, []string{"X-Forwarded-For: 2001:db8::7"}, "2001:db8::7", false, ""},
		"TLS to the proxy only":               {"10.0.0.1:1", true, []string{"X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: http"}, "198.51.100.7", false, ""},
		"a proxy without headers":             {"10.0.0.1:1", false, nil, "10.0.0.1", false, ""},
		"two proxies":                         {"10.0.0.1:1", false, []string{"X-Forwarded-For: 198.51.100.7, 10.9.9.9"}, "198.51.100.7", false, ""},
		"in two lines":                        {"10.0.0.1:1", false, []string{"X-Forwarded-For: 198.51.100.7", "X-Forwarded-For: 10.9.9.9"}, "198.51.100.7", false, ""},
		"the caller's own before it":          {"10.0.0.1:1", false, []string{"X-Forwarded-For: 1.1.1.1, 10.3.3.3, 198.51.100.7, 10.9.9.9"}, "198.51.100.7", false, ""},
		"all are proxies":                     {"10.0.0.1:1", false, []string{"X-Forwarded-For: 10.2.2.2, 10.9.9.9"}, "10.2.2.2", false, ""},
		"more hops than are looked behind":    {"10.0.0.1:1", false, []string{"X-Forwarded-For: 198.51.100.7" + strings.Repeat(", 10.9.9.9", maxHops)}, "10.9.9.9", false, ""},
		"with a port":                         {"10.0.0.1:1", false, []string{"X-Forwarded-For: 198.51.100.7:4711"}, "198.51.100.7", false, ""},
		"IPv6 with a port":                    {"10.0.0.1:1", false, []string{"X-Forwarded-For: [2001:db8::7]:4711"}, "2001:db8::7", false, ""},
		"IPv6 in brackets":                    {"10.0.0.1:1", false, []string{"X-Forwarded-For: [2001:db8::7]"}, "2001:db8::7", false, ""},
		"unreadable":                          {"10.0.0.1:1", false, []string{"X-Forwarded-For: unknown"}, "10.0.0.1", false, ""},
		"unreadable before a proxy":           {"10.0.0.1:1", false, []string{"X-Forwarded-For: 198.51.100.7, unknown, 10.9.9.9"}, "10.9.9.9", false, ""},
		"empty":                               {"10.0.0.1:1", false, []string{"X-Forwarded-For: "}, "10.0.0.1", false, ""},
		"Forwarded":                           {"10.0.0.1:1", false, []string{`Forwarded: for=198.51.100.7;proto=https;by=10.0.0.1;host="jangbu.example"`}, "198.51.100.7", true, "jangbu.example"},
		"Forwarded in IPv6":                   {"10.0.0.1:1", false, []string{`Forwarded: For="[2001:db8::7]:4711"`}, "2001:db8::7", false, ""},
		"Forwarded by two":                    {"10.0.0.1:1", false, []string{"Forwarded: for=1.1.1.1;proto=https, for=198.51.100.7;proto=http", "Forwarded: for=10.9.9.9;proto=http"}, "198.51.100.7", false, ""},
		"Forwarded, hidden":                   {"10.0.0.1:1", false, []string{"Forwarded: for=_hidden, for=10.9.9.9"}, "10.9.9.9", false, ""},
		"Forwarded without for":               {"10.0.0.1:1", false, []string{"Forwarded: proto=https"}, "10.0.0.1", true, ""},
		"Forwarded, malformed":                {"10.0.0.1:1", false, []string{`Forwarded: for="198.51.100.7`}, "10.0.0.1", false, ""},
		"malformed beside X-Forwarded-For":    {"10.0.0.1:1", false, []string{"Forwarded: x", "X-Forwarded-For: 198.51.100.7"}, "10.0.0.1", false, ""},
		"both agree":                          {"10.0.0.1:1", false, []string{"Forwarded: for=198.51.100.7", "X-Forwarded-For: 198.51.100.7"}, "198.51.100.7", false, ""},
		"both differ, so one is the caller's": {"10.0.0.1:1", false, []string{"Forwarded: for=198.51.100.7", "X-Forwarded-For: 1.1.1.1"}, "10.0.0.1", false, ""},
		"a host that is none":                 {"10.0.0.1:1", false, []string{"X-Forwarded-Host: a b<script>"}, "10.0.0.1", false, ""},
		"a pipe":                              {"pipe", false, []string{"X-Forwarded-For: 198.51.100.7"}, "", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{RemoteAddr: c.from, Host: "asked.example", Header: make(http.Header)}
			if c.tls {
				r.TLS = new(tls.ConnectionState)
			}
			for _, line := range c.header {
				name, value, _ := strings.Cut(line, ": ")
				r.Header.Add(name, value)
			}
			got := clientOf(r, trusted)
			if got.String() != c.address || got.https != c.https {
				t.Errorf("client %v, https %t; want %v, %t", got.address, got.https, c.address, c.https)
			}
			if host := c.host; host == "" && r.Host != "asked.example" || host != "" && r.Host != host {
				t.Errorf("host %q, want %q", r.Host, host)
			}
			bare := &http.Request{RemoteAddr: c.from, Host: "asked.example", Header: r.Header, TLS: r.TLS}
			if at := clientOf(bare, nil); at.https != c.tls || bare.Host != "asked.example" {
				t.Errorf("without trusted proxies: %+v, host %q", at, bare.Host)
			} else if from, err := netip.ParseAddrPort(c.from); err == nil && at.address != plain(from.Addr()) {
				t.Errorf("without trusted proxies: %v", at.address)
			}
		})
	}
}

// TestNetworkOfIPv6: a household of IPv6 is one network to the limits.
func TestNetworkOfIPv6(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::", "2001:db8:1:2:ffff::": "2001:db8:1:2::"} {
		if got := (client{address: netip.MustParseAddr(address)}).network(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
