package service

import (
	"fmt"
	"net/netip"

	"jangbu/httpapi"
)

// limitConfig is the flags that bound what callers of the read API may ask for, and that say
// how they are told apart.
type limitConfig struct {
	RatePerToken   float64  `env:"JANGBU_RATE_PER_TOKEN" default:"50" placeholder:"N" help:"Most requests a second of one token's subject (${default}; 0: no limit)."`
	RatePerShop    float64  `env:"JANGBU_RATE_PER_SHOP" default:"200" placeholder:"N" help:"Most requests a second of the owners of one shop (${default}; 0: no limit)."`
	RatePerAddress float64  `env:"JANGBU_RATE_PER_ADDRESS" default:"1000" placeholder:"N" help:"Most requests a second from one address (${default}; 0: no limit)."`
	TrustedProxies []string `env:"JANGBU_TRUSTED_PROXIES" placeholder:"CIDR,…" help:"Networks of the proxies before the read API, as in 10.0.0.0/8: what their X-Forwarded-For, -Proto and -Host or Forwarded say is believed. Without them all clients behind a proxy share its address."`
}

// validate reports each flag that is wrong.
func (c limitConfig) validate(wrong func(flag, format string, args ...any)) {
	if c.RatePerToken < 0 || c.RatePerShop < 0 || c.RatePerAddress < 0 {
		wrong("rate-per-token", "expected 0 or more, and likewise --rate-per-shop and --rate-per-address")
	}
	if _, err := c.proxies(); err != nil {
		wrong("trusted-proxies", "%v", err)
	}
}

// proxies returns the networks of trusted proxies.
func (c limitConfig) proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range c.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if one, failed := netip.ParseAddr(text); failed == nil && one.Zone() == "" {
			network, err = netip.PrefixFrom(one, one.BitLen()), nil
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is no network: expected an address, or one with its prefix as in 10.0.0.0/8", text)
		case network != network.Masked():
			return nil, fmt.Errorf("%s is an address within %s: expected the network or the address", text, network.Masked())
		case network.Addr().Is4In6():
			return nil, fmt.Errorf("%s is IPv4 written as IPv6: expected IPv4", text)
		case network.Bits() == 0:
			return nil, fmt.Errorf("%s is every address: any client could then say that it is another", text)
		}
		all = append(all, network)
	}
	return all, nil
}

// limits returns the limits of the read API.
func (c limitConfig) limits() httpapi.Limits {
	limit := func(perSecond float64) float64 {
		if perSecond == 0 {
			return -1
		}
		return perSecond
	}
	return httpapi.Limits{PerToken: limit(c.RatePerToken), PerShop: limit(c.RatePerShop), PerAddress: limit(c.RatePerAddress)}
}
