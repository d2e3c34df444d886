package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"jangbu/events"
	"jangbu/httpapi/auth"
	page "jangbu/httpapi/dashboard"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// problem is an RFC 9457 problem detail.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`

	retryAfter time.Duration
}

// badRequest is a request that the client must change.
type badRequest struct{ detail string }

func (e badRequest) Error() string { return e.detail }

// tooMany is the error of a caller over its rate; the next request is allowed after wait.
type tooMany struct{ wait time.Duration }

func (e tooMany) Error() string { return fmt.Sprintf("too many requests; the next one in %v", e.wait) }

var (
	errNoRoute    = errors.New("no such resource")
	errNoMethod   = errors.New("method not allowed")
	errOverloaded = errors.New("too many requests at once")
)

// rebuildingRetry is after how long a client asks again while rows are being rebuilt.
const rebuildingRetry = 2 * time.Second

// awayRetry is after how long a client asks again while a database is away.
const awayRetry = 2 * time.Second

// problemOf is the one table from errors to statuses. Types are stable, because clients may
// switch on them.
func problemOf(err error) problem {
	bad, isBad := errors.AsType[badRequest](err)
	many, isMany := errors.AsType[tooMany](err)
	switch {
	case isBad:
		return problem{Type: "urn:jangbu:problem:bad-request", Title: "The request cannot be understood", Status: http.StatusBadRequest, Detail: bad.detail}
	case errors.Is(err, readmodel.ErrFuture): // without the log's end, which is not the client's
		return problem{Type: "urn:jangbu:problem:bad-request", Title: "The request cannot be understood", Status: http.StatusBadRequest, Detail: "asOf: that has not happened yet"}
	case errors.Is(err, dashboard.ErrTimeZone), errors.Is(err, dashboard.ErrInterval), errors.Is(err, dashboard.ErrRange), errors.Is(err, dashboard.ErrListing), errors.Is(err, dashboard.ErrNumber):
		return problem{Type: "urn:jangbu:problem:bad-request", Title: "The request cannot be understood", Status: http.StatusBadRequest, Detail: err.Error()}
	case errors.Is(err, auth.ErrUnauthorized):
		return problem{Type: "urn:jangbu:problem:unauthorized", Title: "A valid token is needed", Status: http.StatusUnauthorized, Detail: "Send Authorization: Bearer with a token that has not expired."}
	case errors.Is(err, auth.ErrKeyComing):
		return problem{Type: "urn:jangbu:problem:key-coming", Title: "The token's key is not known yet", Status: http.StatusServiceUnavailable, Detail: "The keys are being fetched. Come again after as many seconds as Retry-After says.", retryAfter: time.Second}
	case errors.Is(err, readmodel.ErrNotFound):
		return problem{Type: "urn:jangbu:problem:campaign-not-found", Title: "There is no such campaign", Status: http.StatusNotFound}
	case errors.Is(err, readmodel.ErrRebuilding):
		return problem{Type: "urn:jangbu:problem:rebuilding", Title: "The numbers are being computed again", Status: http.StatusServiceUnavailable, Detail: "What was served was of a log that is no more. Come again after as many seconds as Retry-After says.", retryAfter: rebuildingRetry}
	case errors.Is(err, errNoShop):
		return problem{Type: "urn:jangbu:problem:store-not-found", Title: "There is no such store", Status: http.StatusNotFound}
	case errors.Is(err, errNoRoute):
		return problem{Type: "urn:jangbu:problem:no-such-resource", Title: "There is no such resource", Status: http.StatusNotFound}
	case errors.Is(err, errNoMethod):
		return problem{Type: "urn:jangbu:problem:method-not-allowed", Title: "The resource is read-only", Status: http.StatusMethodNotAllowed, Detail: "Use GET or HEAD."}
	case isMany:
		return problem{Type: "urn:jangbu:problem:too-many-requests", Title: "Too many requests", Status: http.StatusTooManyRequests, Detail: "Come again after as many seconds as Retry-After says.", retryAfter: many.wait}
	case errors.Is(err, errOverloaded):
		return problem{Type: "urn:jangbu:problem:overloaded", Title: "Too much is asked for at once", Status: http.StatusServiceUnavailable, Detail: "Come again after as many seconds as Retry-After says.", retryAfter: time.Second}
	case errors.Is(err, events.ErrAway):
		return problem{Type: "urn:jangbu:problem:unavailable", Title: "A part of the service is away", Status: http.StatusServiceUnavailable, Detail: "Come again after as many seconds as Retry-After says.", retryAfter: awayRetry}
	case errors.Is(err, context.DeadlineExceeded):
		return problem{Type: "urn:jangbu:problem:timeout", Title: "The read model did not answer in time", Status: http.StatusServiceUnavailable, Detail: "Try again.", retryAfter: time.Second}
	default:
		return problem{Type: "urn:jangbu:problem:internal", Title: "Something went wrong here", Status: http.StatusInternalServerError}
	}
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	rec := recording(w)
	if errors.Is(err, auth.ErrUnauthorized) {
		rec.seen.Reason = err.Error()
	}
	if r.Context().Err() == context.Canceled {
		rec.seen.Status = StatusClientLeft
		return
	}
	p := problemOf(err)
	if p.Status == http.StatusInternalServerError {
		a.cfg.Logger.ErrorContext(r.Context(), "http: request failed", slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="jangbu"`)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", "GET, HEAD")
	}
	write(w, r, "application/problem+json", p.Status, p)
}

// writePrivate writes what is for the caller alone, whom a header or a cookie identifies, or 304
// where the client has it.
func writePrivate(w http.ResponseWriter, r *http.Request, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	text = append(text, '\n')
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Accept-Encoding, Authorization, Cookie")
	// Weak, because the compressed body has the same tag.
	h.Set("Etag", fmt.Sprintf(`W/"%016x"`, crc64.Checksum(text, crc64.MakeTable(crc64.ECMA))))
	if matches(r.Header["If-None-Match"], h.Get("Etag")) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	writeText(w, r, "application/json", http.StatusOK, text)
	return nil
}

// write writes a JSON response, compressed where it is long and the client accepts that.
func write(w http.ResponseWriter, r *http.Request, contentType string, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil { // cannot happen: body is of our own types
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Add("Vary", "Accept-Encoding")
	writeText(w, r, contentType, status, append(b, '\n'))
}

// writeText writes a response, compressed where it is long and the client accepts that.
func writeText(w http.ResponseWriter, r *http.Request, contentType string, status int, b []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if len(b) >= worthGzip && page.AcceptsGzip(r.Header["Accept-Encoding"]) {
		h.Set("Content-Encoding", "gzip")
		b = zipped(b)
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // the client may have left
	}
}
