package httpapi

import (
	"net/http"
	"time"

	"jangbu/events"
	"jangbu/httpapi/auth"
)

// Observation is a request that has been answered, or a stream that has begun. It holds
// nothing that a client can choose freely: no token, no query, no id of what was not found.
type Observation struct {
	Phase  Phase
	At     time.Time // when the request came
	Took   time.Duration
	Client string // the caller's address, behind trusted proxies; "" where it has none
	Method string
	Route  string // the operationId in the contract; "" where no route matched
	Status int    // [StatusClientLeft] where the client did not wait for the response
	Bytes  int64  // of the body, as it was sent
	Kept   bool   // the response was encoded for an earlier request

	// Subject and Role are those of the caller's token; "" where none was accepted.
	Subject string
	Role    auth.Role
	// Campaign and Shop are what the caller was shown; "" where that is of none.
	Campaign events.Campaign
	Shop     events.Shop
	// Reason is why the token was refused, or the server ended a stream. It is not for
	// the client.
	Reason string
}

// Phase says which moment of a request is observed.
type Phase uint8

// The phases.
const (
	Answered    Phase = iota + 1 // the request has been answered
	StreamBegun                  // a stream is open; its end is observed, too
	StreamEnded
)

// StatusClientLeft is the status of a request whose client closed the connection before
// there was a response.
const StatusClientLeft = 499

// recorder records the response to a request. It belongs to the request's goroutine.
type recorder struct {
	http.ResponseWriter
	client  client
	party   party
	token   auth.Token // of an identified caller
	observe func(Observation)
	seen    Observation
	allow   func(http.Header) // completes the header
	stream  bool
	whole   bool   // the handler has returned; else it has panicked
	leave   func() // gives the request's share back; the request may call it early
}

// method returns the method of a request; "other" for one that HTTP does not define, which a
// client may have made up.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return r.Method
	default:
		return "other"
	}
}

// begin notes that the response is a stream.
func (r *recorder) begin() {
	r.stream = true
	begun := r.seen
	begun.Phase, begun.Took = StreamBegun, time.Since(begun.At)
	r.observe(begun)
}

// end notes that the request has been answered.
func (r *recorder) end() {
	if r.seen.Phase = Answered; r.stream {
		r.seen.Phase = StreamEnded
	}
	if !r.whole && r.seen.Status == 0 {
		r.seen.Status = http.StatusInternalServerError
	}
	r.seen.Took = time.Since(r.seen.At)
	r.observe(r.seen)
}

// showed notes what of a campaign or a shop the caller is shown.
func showed(w http.ResponseWriter, c events.Campaign, s events.Shop) {
	seen := &recording(w).seen
	seen.Campaign, seen.Shop = c, s
}

// recording returns the recorder below the writers that middleware put around it.
func recording(w http.ResponseWriter) *recorder {
	for {
		switch inner := w.(type) {
		case *recorder:
			return inner
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default: // a middleware hides the recorder, so nothing is recorded
			return &recorder{leave: func() {}, observe: func(Observation) {}}
		}
	}
}

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(status int) {
	if r.seen.Status == 0 {
		r.seen.Status = status
		if r.allow != nil {
			r.allow(r.Header())
		}
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (r *recorder) Write(b []byte) (int, error) {
	if r.seen.Status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	n, err := r.ResponseWriter.Write(b)
	r.seen.Bytes += int64(n)
	return n, err
}

// Unwrap returns the writer below, for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
