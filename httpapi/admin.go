package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/mux"
)

// Part is the state of one part of the process.
type Part struct {
	Name string
	Err  error  // nil where it works
	Note string // what an operator should know, also where it works; may be empty
}

// AdminConfig configures the administrative listener.
type AdminConfig struct {
	// Ready checks the parts of the process.
	Ready func(context.Context) []Part
	// Metrics serves /metrics.
	Metrics http.Handler
	Now     func() time.Time
	Logger  *slog.Logger
}

// NewAdmin returns the handler of the administrative listener:
//
//	GET /metrics   Metrics
//	GET /healthz   200 while the process responds
//	GET /readyz    200 while every part works; else 503 with the parts that do not, why
//	               and since when; either way with notes on the parts
func NewAdmin(cfg AdminConfig) (http.Handler, error) {
	if cfg.Ready == nil || cfg.Metrics == nil || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("new admin: ready, metrics, now and logger are required")
	}
	a := &admin{cfg: cfg, since: make(map[string]time.Time)}
	r := mux.NewRouter()
	r.Handle("/metrics", cfg.Metrics).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		write(w, r, "application/json", http.StatusOK, map[string]string{"status": "ok"})
	}).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc("/readyz", a.readyz).Methods(http.MethodGet, http.MethodHead)
	return r, nil
}

type admin struct {
	cfg AdminConfig

	mu    sync.Mutex
	since map[string]time.Time // when each part was first found not ready; guarded by mu
}

func (a *admin) readyz(w http.ResponseWriter, r *http.Request) {
	type part struct {
		Name  string     `json:"name"`
		Ready bool       `json:"ready"`
		Since *time.Time `json:"since,omitempty"`
		Error string     `json:"error,omitempty"`
		Note  string     `json:"note,omitempty"`
	}
	status, body := http.StatusOK, struct {
		Ready bool   `json:"ready"`
		Parts []part `json:"parts"`
	}{Ready: true, Parts: []part{}}
	ctx, cancel := readRows(r.Context())
	defer cancel()
	for _, p := range a.cfg.Ready(ctx) {
		out := part{Name: p.Name, Ready: p.Err == nil, Since: a.notReadySince(p), Note: p.Note}
		if p.Err != nil {
			status, body.Ready, out.Error = http.StatusServiceUnavailable, false, p.Err.Error()
		}
		body.Parts = append(body.Parts, out)
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, r, "application/json", status, body)
}

// notReadySince returns when a part was first found not ready; nil where it is ready.
func (a *admin) notReadySince(p Part) *time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.Err == nil {
		delete(a.since, p.Name)
		return nil
	}
	if _, ok := a.since[p.Name]; !ok {
		a.since[p.Name] = a.cfg.Now().Truncate(time.Second)
	}
	since := a.since[p.Name]
	return &since
}
