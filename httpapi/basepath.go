package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
)

// ParseBasePath checks a path below which the API is served. "/" is the empty one.
func ParseBasePath(s string) (string, error) {
	if s == "/" || s == "" {
		return "", nil
	}
	ordinary := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/-._~", r)
	}
	if !strings.HasPrefix(s, "/") || path.Clean(s) != s || strings.ContainsFunc(s, func(r rune) bool { return !ordinary(r) }) {
		return "", errors.New("expected /PATH of letters, digits and -._~, without / at its end, as in /analytics")
	}
	return s, nil
}

// ownServer is what the contract says of where the API is.
const ownServer = "servers:\n  - url: /\n"

// contractAt returns the contract of an API below a path.
func contractAt(base string) ([]byte, error) {
	text, err := Contract()
	if err != nil || base == "" {
		return text, err
	}
	before, after, ok := bytes.Cut(text, []byte(ownServer))
	if !ok {
		return nil, fmt.Errorf("the contract has no %q", ownServer)
	}
	return fmt.Appendf(nil, "%s%s%s", before, strings.Replace(ownServer, "url: /", "url: "+base, 1), after), nil
}

// intoBase leads from a base path to the page below it, whose addresses are relative.
func intoBase(base string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		http.Redirect(w, r, base+"/", http.StatusMovedPermanently)
	})
}
