package httpapi

import (
	"net/http"

	"github.com/gorilla/mux"
)

// index serves the page for owners. It is public: it holds no figures, and reads them with
// the viewer's own token.
func (a *API) index(w http.ResponseWriter, r *http.Request, _ Identity) error {
	a.page.Index(w, r)
	return nil
}

// asset serves one of the page's files.
func (a *API) asset(w http.ResponseWriter, r *http.Request, _ Identity) error {
	if vars := mux.Vars(r); !a.page.Asset(w, r, vars["version"], vars["file"]) {
		return errNoRoute
	}
	return nil
}
