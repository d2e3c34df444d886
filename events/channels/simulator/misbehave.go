package simulator

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	dripEvery = 50 * time.Millisecond
	// retryAfter is the wait that a 503 asks for, in seconds or as a date.
	retryAfter = 2 * time.Second
	// nesting is the limit of encoding/json; the answer around it is one level more.
	nesting = 10_000
	// unpacked is the size of too large bodies, in bytes.
	unpacked = 1 << 30
)

// misbehave answers a caller with the right key, under a fault.
func (c *channel) misbehave(w http.ResponseWriter, r *http.Request, fault Fault) {
	body := wrong(c.figures, huge)
	switch fault {
	case Hang:
		<-r.Context().Done()
		abort()
	case SlowHeader:
		c.slowHeader(w, r)
	case SlowBody:
		slowBody(w, r, body)
	case Reset:
		c.reset(w, r, body)
	case Status500:
		refuse(w, http.StatusInternalServerError)
	case Status503Seconds:
		c.unavailable(w, strconv.Itoa(int(retryAfter.Seconds())))
	case Status503Date:
		c.unavailable(w, httpDate(c.cfg.Now().Add(retryAfter+time.Second-time.Nanosecond)))
	case Status503Absurd:
		c.unavailable(w, "999999999999")
	case Status429:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests)
	case Redirect:
		redirect(w, movedPath)
	case RedirectMetadata:
		redirect(w, "http://169.254.169.254/latest/meta-data/")
	case ContentType:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(body)
	case Truncated:
		// After the first figure, which a client that reads no further accepts.
		respondWhole(w, body[:len(body)*3/4])
	case Nested:
		extra := `{"extra":` + strings.Repeat("[", nesting) + strings.Repeat("]", nesting) + ","
		respondWhole(w, append([]byte(extra), body[1:]...))
	case DuplicateKeys:
		respondWhole(w, encode(c.figures, func(int) []int64 { return []int64{huge, huge + 1} }))
	case Negative:
		respondWhole(w, wrong(c.figures, -1))
	case TooLarge:
		respondWhole(w, wrong(c.figures, tooLarge))
	case GzipBomb:
		c.bomb().respond(w)
	case HugeBody:
		hugeBody(w, body)
	case TLSExpired, TLSWrongHost:
		respondWhole(w, body) // the caller accepted the certificate
	default:
		abort() // the gate accepts no connection under SlowAccept
	}
}

// slowHeader sends a valid head that never ends. The server does not notice that the
// caller of a hijacked connection leaves; a later write fails.
func (c *channel) slowHeader(w http.ResponseWriter, r *http.Request) {
	hijacked, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		abort()
	}
	defer c.gate.end(connOf(r))
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Padding: "
	drip(r.Context(), []byte(head), 'x', func(b []byte) error {
		_, err := hijacked.Write(b)
		return err
	})
}

// slowBody sends a body whose white space never ends.
func slowBody(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	head, _ := split(body)
	flusher := http.NewResponseController(w)
	if flusher.Flush() == nil {
		drip(r.Context(), head, ' ', func(b []byte) error {
			_, _ = w.Write(b) // Flush returns the error
			return flusher.Flush()
		})
	}
	abort()
}

// drip writes text and then filler, byte by byte, until ctx ends or a write fails.
func drip(ctx context.Context, text []byte, filler byte, write func([]byte) error) {
	tick := time.NewTicker(dripEvery)
	defer tick.Stop()
	for {
		next := []byte{filler}
		if len(text) > 0 {
			next, text = text[:1], text[1:]
		}
		if write(next) != nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// reset breaks the connection in the middle of a body.
func (c *channel) reset(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	respond(w, http.StatusOK, body[:len(body)/2])
	if http.NewResponseController(w).Flush() != nil {
		abort()
	}
	hijacked, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		abort()
	}
	defer c.gate.end(connOf(r))
	// A close below TLS without lingering makes the kernel send RST instead of FIN.
	_ = below(hijacked).SetLinger(0)
}

// unavailable sends a 503 whose Date has the same clock as its Retry-After.
func (c *channel) unavailable(w http.ResponseWriter, retryAfter string) {
	w.Header().Set("Date", httpDate(c.cfg.Now()))
	w.Header().Set("Retry-After", retryAfter)
	refuse(w, http.StatusServiceUnavailable)
}

// httpDate formats t, rounded down to the second.
func httpDate(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	refuse(w, http.StatusFound)
}

// respondWhole sends the body with its length, so that it seems complete.
func respondWhole(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	respond(w, http.StatusOK, body)
}

// hugeBody sends 1 GiB without its length.
func hugeBody(w http.ResponseWriter, body []byte) {
	head, tail := split(body)
	respond(w, http.StatusOK, head)
	blank := bytes.Repeat([]byte{' '}, 64<<10)
	for left := unpacked - len(body); left > 0; left -= len(blank) {
		if _, err := w.Write(blank[:min(left, len(blank))]); err != nil {
			abort()
		}
	}
	_, _ = w.Write(tail)
}
