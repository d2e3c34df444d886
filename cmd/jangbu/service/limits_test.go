package service

import (
	"fmt"
	"strings"
	"testing"
)

// TestTrustedProxies: a network that is none, or that would have every client believed, is
// refused by what is wrong with it.
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"10.0.0.0/8": "", "192.0.2.7": "", "fd00::/8": "", "::1": "", "10.0.0.0/8,127.0.0.1": "",
		"nginx": "is no network", "10.0.0.1/8": "is an address within 10.0.0.0/8", "0.0.0.0/0": "is every address", "::/0": "is every address",
		"::ffff:10.0.0.1": "expected IPv4", "fe80::1%eth0": "is no network", "10.0.0.0/8,x": "is no network", "": "is no network",
	} {
		var all []string
		c := limitConfig{TrustedProxies: strings.Split(text, ",")}
		c.validate(func(flag, format string, args ...any) { all = append(all, flag+": "+fmt.Sprintf(format, args...)) })
		if said := strings.Join(all, "\n"); want == "" && said != "" || want != "" && (!strings.HasPrefix(said, "trusted-proxies: ") || !strings.Contains(said, want)) {
			t.Errorf("%q: %q, want %q", text, said, want)
		}
		if got, _ := c.proxies(); want == "" && len(got) != 1+strings.Count(text, ",") {
			t.Errorf("%q: %v", text, got)
		}
	}
}
