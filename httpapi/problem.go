package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"jangbu/readmodel"
)

// problem is an RFC 9457 problem detail.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// badRequest is a request that the client must change.
type badRequest struct{ detail string }

func (e badRequest) Error() string { return e.detail }

var (
	errNoRoute  = errors.New("no such resource")
	errNoMethod = errors.New("method not allowed")
)

// problemOf is the one table from errors to statuses. Types are stable: a
// client may switch on them.
func problemOf(err error) problem {
	bad, isBad := errors.AsType[badRequest](err)
	switch {
	case isBad:
		return problem{"urn:jangbu:problem:bad-request", "The request cannot be understood", http.StatusBadRequest, bad.detail}
	case errors.Is(err, readmodel.ErrTimeZone), errors.Is(err, readmodel.ErrInterval):
		return problem{"urn:jangbu:problem:bad-request", "The request cannot be understood", http.StatusBadRequest, err.Error()}
	case errors.Is(err, readmodel.ErrNotFound):
		return problem{"urn:jangbu:problem:campaign-not-found", "There is no such campaign", http.StatusNotFound, ""}
	case errors.Is(err, errNoRoute):
		return problem{"urn:jangbu:problem:no-such-resource", "There is no such resource", http.StatusNotFound, ""}
	case errors.Is(err, errNoMethod):
		return problem{"urn:jangbu:problem:method-not-allowed", "The resource is read-only", http.StatusMethodNotAllowed, "Use GET or HEAD."}
	case errors.Is(err, context.DeadlineExceeded):
		return problem{"urn:jangbu:problem:timeout", "The read model did not answer in time", http.StatusServiceUnavailable, "Try again."}
	default:
		return problem{"urn:jangbu:problem:internal", "Something went wrong here", http.StatusInternalServerError, ""}
	}
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == context.Canceled {
		return // nobody is listening
	}
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		a.cfg.Logger.ErrorContext(r.Context(), "http: request failed", slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	w.Header().Set("Cache-Control", "no-store")
	a.write(w, "application/problem+json", p.Status, p)
}

func (a *api) write(w http.ResponseWriter, contentType string, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil { // a view that cannot be encoded is a bug of ours
		a.cfg.Logger.Error("http: encode response", slog.Any("error", err))
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client may be gone
}
