package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What pages of other origins may ask with, and read of a response besides its body.
const (
	corsMethods = "GET, HEAD"
	corsHeaders = "Authorization, If-None-Match, Last-Event-ID"
	corsExposed = "Date, ETag, Retry-After"
	corsMaxAge  = "600" // seconds that a browser may remember them
)

// ParseOrigin checks an origin as browsers write it: a scheme, a host, and a port unless it is
// the scheme's own.
func ParseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", s != u.Scheme+"://"+u.Host,
		s != strings.ToLower(s), strings.ContainsAny(s, "*,; \t\r\n"):
		return "", errors.New("expected an origin in lower case: https://HOST or https://HOST:PORT, without a path; * is none")
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80", strings.HasSuffix(s, ":"):
		return "", errors.New("browsers leave out the port of the scheme: leave it out, too")
	}
	return s, nil
}

// crossOrigin answers pages of other origins (Fetch Standard, section 3.3).
type crossOrigin struct {
	origins []string
	cookies bool
}

// allow lets the page that asks read the response, if its origin may. It is called when the rest
// of the header is written: what a response varies with is added to.
func (c crossOrigin) allow(h http.Header, r *http.Request) {
	if len(c.origins) == 0 {
		return
	}
	h["Vary"] = append(slices.Clip(h["Vary"]), "Origin") // shared with other responses
	origin := r.Header.Get("Origin")
	if !slices.Contains(c.origins, origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", corsExposed)
	if c.cookies {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

// preflight reports whether a browser asks if a page may make a request, for an origin that may.
func (c crossOrigin) preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" && slices.Contains(c.origins, r.Header.Get("Origin"))
}

// permit answers a preflight.
func (c crossOrigin) permit(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", corsMaxAge)
	w.WriteHeader(http.StatusNoContent)
}
