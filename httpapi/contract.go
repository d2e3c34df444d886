package httpapi

import (
	"embed"
	"net/http"

	"jangbu/httpapi/auth"
)

//go:embed openapi.yaml
var openapi embed.FS

// Contract returns the API's contract, an OpenAPI 3.1 document.
func Contract() ([]byte, error) { return openapi.ReadFile("openapi.yaml") }

// contract serves the API's contract.
func (a *API) contract(w http.ResponseWriter, r *http.Request, _ auth.Identity) error {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.yaml) // the client may have left
	}
	return nil
}
