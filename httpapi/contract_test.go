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

// TestContractNamesItsSchemas: each union and each object has a name, by which generators of
// clients make a type of it. scripts/clients generates them, and has them read a dashboard.
func TestContractNamesItsSchemas(t *testing.T) {
	t.Parallel()
	doc := contract(t)
	var walk func(where string, ref *openapi3.SchemaRef, named bool)
	walk = func(where string, ref *openapi3.SchemaRef, named bool) {
		if ref == nil || ref.Ref != "" {
			return
		}
		s := ref.Value
		if !named && (len(s.OneOf)+len(s.AnyOf) > 0 || len(s.Properties) > 0) {
			t.Errorf("%s: has no name", where)
		}
		for _, of := range [][]*openapi3.SchemaRef{s.OneOf, s.AnyOf, s.AllOf} {
			for _, one := range of {
				walk(where, one, false)
			}
		}
		for name, property := range s.Properties {
			walk(where+"."+name, property, false)
		}
		walk(where+"[]", s.Items, false)
		walk(where+".*", s.AdditionalProperties.Schema, false)
	}
	for name, schema := range doc.Components.Schemas {
		walk(name, schema, true)
	}
	for path, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for _, p := range operation.Parameters {
				walk(path+" "+p.Value.Name, p.Value.Schema, false)
			}
			for status, response := range operation.Responses.Map() {
				for media, content := range response.Value.Content {
					walk(path+" "+status+" "+media, content.Schema, false)
				}
			}
		}
	}
}

// TestStatusesOfPublicRoutes: what every route may be asked in vain is in the contract of those,
// too, that need no token.
func TestStatusesOfPublicRoutes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, path := range []string{"/openapi.yaml", "/", "/assets/x/y", "/api/stores/store-1/events", "/api/events/../analytics", "//openapi.yaml", "/api/events/x//analytics"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			for _, query := range []string{"", "?x=" + strings.Repeat("x", 3000)} {
				w := b.do(t, method, path+query) // judges it
				if query != "" && w.Code != http.StatusBadRequest || w.Code >= 300 && w.Code < 400 || w.Code >= 500 {
					t.Errorf("%s %s: %d", method, path, w.Code)
				}
			}
		}
	}
}
