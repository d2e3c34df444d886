package httpapi

import (
	"cmp"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// client is where a request comes from, as far as that can be believed.
type client struct {
	// address is that of the caller. It is not valid where the server's own listener has none,
	// as a pipe.
	address netip.Addr
	https   bool // the caller speaks TLS, with this server or with a trusted proxy
}

// String returns the address; "" where there is none.
func (c client) String() string {
	if !c.address.IsValid() {
		return ""
	}
	return c.address.String()
}

// network returns what limits know the caller by: the address, and of IPv6 the /64, which
// usually is one household.
func (c client) network() string {
	if c.address.Is6() {
		if network, err := c.address.Prefix(64); err == nil {
			return network.Addr().String()
		}
	}
	return c.String()
}

// maxHops is how many proxies a request may have come through that are looked behind.
const maxHops = 16

// clientOf returns the client of a request. What a header says of the caller is believed only
// from trusted proxies: its address is the rightmost one that is none of theirs. Where they say
// who called the server, as [http.Request.Host], the request gets that host.
func clientOf(r *http.Request, trusted []netip.Prefix) client {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return client{https: r.TLS != nil}
	}
	c := client{plain(at.Addr()), r.TLS != nil}
	if !within(c.address, trusted) {
		return c
	}
	forwarded, err := parseForwarded(r.Header["Forwarded"])
	x := forwardedFor(r.Header["X-Forwarded-For"])
	if len(forwarded.from) == 0 && err == nil {
		forwarded.from = x
	} else if len(x) > 0 && err == nil && behind(c.address, x, trusted) != behind(c.address, forwarded.from, trusted) {
		forwarded.from = nil // one of the two is the caller's own: neither is believed
	}
	c.address = behind(c.address, forwarded.from, trusted)
	switch proto := cmp.Or(forwarded.proto, last(r.Header["X-Forwarded-Proto"])); {
	case strings.EqualFold(proto, "https"):
		c.https = true
	case strings.EqualFold(proto, "http"):
		c.https = false
	}
	if host := cmp.Or(forwarded.host, last(r.Header["X-Forwarded-Host"])); isHost(host) {
		r.Host = host
	}
	return c
}

// behind returns the rightmost address that is no trusted proxy's, of a request that came from
// a trusted proxy by way of the others. What cannot be read hides what is left of it.
func behind(proxy netip.Addr, from []string, trusted []netip.Prefix) netip.Addr {
	for hops, text := range slices.Backward(from) {
		address, ok := addressOf(text)
		if !ok || len(from)-hops > maxHops {
			return proxy
		}
		if proxy = address; !within(address, trusted) {
			return address
		}
	}
	return proxy
}

// plain returns the address without a zone, of IPv4 in its own form.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func within(a netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

// addressOf reads an address, which may have a port.
func addressOf(text string) (netip.Addr, bool) {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return plain(at.Addr()), true
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return plain(a), err == nil
}

// forwardedFor returns the addresses of X-Forwarded-For, of which each proxy appends one.
func forwardedFor(fields []string) (from []string) {
	for _, field := range fields {
		for one := range strings.SplitSeq(field, ",") {
			from = append(from, strings.TrimSpace(one))
		}
	}
	return from
}

// last returns the last of the values that a header lists, which the nearest proxy has written.
func last(fields []string) string {
	if len(fields) == 0 {
		return ""
	}
	field := fields[len(fields)-1]
	return strings.TrimSpace(field[strings.LastIndexByte(field, ',')+1:])
}

// forwarded is what the header Forwarded says (RFC 7239).
type forwarded struct {
	from        []string // of each hop, "" where it says nothing
	proto, host string   // of the last hop
}

// errForwarded is the error of a Forwarded that cannot be read.
var errForwarded = errors.New("the header Forwarded is malformed")

// parseForwarded reads Forwarded. Of a malformed one nothing is believed.
func parseForwarded(fields []string) (all forwarded, err error) {
	for _, field := range fields {
		for field != "" {
			var from string
			all.proto, all.host = "", ""
			for more := true; more; {
				var name, value string
				if name, value, field, more, err = pair(field); err != nil {
					return forwarded{}, err
				}
				switch {
				case strings.EqualFold(name, "for"):
					from = value
				case strings.EqualFold(name, "proto"):
					all.proto = value
				case strings.EqualFold(name, "host"):
					all.host = value
				}
			}
			all.from = append(all.from, from)
		}
	}
	return all, nil
}

// pair cuts the first parameter from what is left of a Forwarded; more: the hop has another one.
func pair(text string) (name, value, rest string, more bool, err error) {
	name, rest, ok := strings.Cut(text, "=")
	name, rest = strings.TrimSpace(name), strings.TrimLeft(rest, " \t")
	if !ok || name == "" || strings.ContainsAny(name, `,;"`) {
		return "", "", "", false, errForwarded
	}
	if quoted, is := strings.CutPrefix(rest, `"`); is {
		// No address, host or scheme needs a quoted pair.
		if value, rest, ok = strings.Cut(quoted, `"`); !ok || strings.Contains(value, `\`) {
			return "", "", "", false, errForwarded
		}
	} else {
		end := strings.IndexAny(rest, ",; \t")
		if end < 0 {
			end = len(rest)
		}
		value, rest = rest[:end], rest[end:]
	}
	rest = strings.TrimLeft(rest, " \t")
	switch {
	case rest == "":
		return name, value, "", false, nil
	case rest[0] == ';':
		return name, value, rest[1:], true, nil
	case rest[0] == ',':
		return name, value, rest[1:], false, nil
	default:
		return "", "", "", false, errForwarded
	}
}

// isHost reports whether the text is that of a host, with or without a port.
func isHost(s string) bool {
	const valid = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]"
	return s != "" && len(s) <= 255 && strings.Trim(s, valid) == ""
}
