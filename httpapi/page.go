package httpapi

import (
	"net/http"
	"net/url"

	"github.com/gorilla/mux"

	"jangbu/httpapi/auth"
	page "jangbu/httpapi/dashboard"
)

// ParsePageURL parses the LoginURL or the TokenURL of a [Config]: https://HOST/…,
// http://HOST/…, or a path from / of the API's own host.
func ParsePageURL(s string) (*url.URL, error) { return page.ParseDoorURL(s) }

// index serves the page for owners. It is public: it holds no figures, and reads them with
// the viewer's own token.
func (a *API) index(w http.ResponseWriter, r *http.Request, _ auth.Identity) error {
	a.page.Index(w, r)
	return nil
}

// asset serves one of the page's files.
func (a *API) asset(w http.ResponseWriter, r *http.Request, _ auth.Identity) error {
	if vars := mux.Vars(r); !a.page.Asset(w, r, vars["version"], vars["file"]) {
		return errNoRoute
	}
	return nil
}
