package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// control returns the handler through which other processes order faults.
func (s *Simulator) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.report)
	mux.HandleFunc("PUT /{api}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
		if err != nil {
			http.Error(w, "the fault's name was expected", http.StatusBadRequest)
			return
		}
		s.orderFor(w, r, Fault(strings.TrimSpace(string(body))))
	})
	mux.HandleFunc("DELETE /{api}", func(w http.ResponseWriter, r *http.Request) { s.orderFor(w, r, "") })
	return mux
}

// report writes each API's fault and calls.
func (s *Simulator) report(w http.ResponseWriter, _ *http.Request) {
	type state struct {
		Fault Fault `json:"fault"`
		Calls int64 `json:"calls"`
	}
	report := map[API]state{}
	for _, a := range APIs() {
		report[a] = state{s.Ordered(a), s.Calls(a)}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(report) // the caller may have left
}

func (s *Simulator) orderFor(w http.ResponseWriter, r *http.Request, fault Fault) {
	a := API(r.PathValue("api"))
	if !slices.Contains(APIs(), a) {
		http.Error(w, fmt.Sprintf("there is no API %q, but %s", a, list(APIs())), http.StatusNotFound)
		return
	}
	if !fault.known() {
		http.Error(w, fmt.Sprintf("there is no fault %q, but %s", fault, list(Faults())), http.StatusBadRequest)
		return
	}
	s.Order(a, fault)
	w.WriteHeader(http.StatusNoContent)
}

func list[S ~string](names []S) string {
	var all []string
	for _, name := range names {
		all = append(all, string(name))
	}
	return strings.Join(all, ", ")
}
