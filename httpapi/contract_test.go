package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"jangbu/httpapi"
)

// TestContract: the document is valid, examples included, and is what is served.
func TestContract(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	w := b.do(t, http.MethodGet, "/openapi.yaml", "Authorization: none")
	text, err := httpapi.Contract()
	if err != nil || w.Code != http.StatusOK || w.Body.String() != string(text) || w.Header().Get("Content-Type") != "application/yaml" {
		t.Fatalf("status %d, type %s: %v", w.Code, w.Header().Get("Content-Type"), err)
	}
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Errorf("the contract: %v", err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("it is of version %s", doc.OpenAPI)
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status, response := range operation.Responses.Map() {
				for media, content := range response.Value.Content {
					if strings.HasSuffix(media, "json") && len(content.Examples) == 0 && content.Example == nil {
						t.Errorf("%s %s, status %s: %s without an example", method, path, status, media)
					}
				}
			}
		}
	}
}

// TestRoutesAreTheContract: neither has a route that the other has not, and each
// says who may use it.
func TestRoutesAreTheContract(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	served := make(map[string]bool) // by "operationId path", whether without a token
	for _, r := range b.Routes() {
		served[r.Name+" "+r.Path] = r.Public
	}
	written := make(map[string]bool)
	for path, item := range b.contract.Paths.Map() {
		for method, operation := range item.Operations() {
			if method != http.MethodGet {
				t.Errorf("%s %s: nothing but GET is served", method, path)
			}
			written[operation.OperationID+" "+path] = operation.Security != nil && len(*operation.Security) == 0
		}
	}
	for route, public := range served {
		if w, ok := written[route]; !ok || w != public {
			t.Errorf("%s: served without a token: %t; in the contract: %t, without a token: %t", route, public, ok, w)
		}
	}
	for route := range written {
		if _, ok := served[route]; !ok {
			t.Errorf("%s is not served", route)
		}
	}
	types := b.contract.Components.Schemas["Problem"].Value.Properties["type"].Value.Enum
	if len(types) < 10 || slices.Contains(types, any("")) {
		t.Errorf("types of problems: %v", types)
	}
}
