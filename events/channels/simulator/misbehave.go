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
	// retryAfter is what a 503 asks for, in seconds or as a date.
	retryAfter = 2 * time.Second
	// nesting is as much as decoders put up with; the answer around it is one more.
	nesting = 10_000
	// unpacked is the size of the bodies that are too large.
	unpacked = 1 << 30
)

// misbehave answers a caller whose key is right, as the fault has it.
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
		// Behind the first figure: whoever reads no further has believed it.
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
		respondWhole(w, body) // the caller did not check the certificate
	default:
		abort() // the gate lets nobody in
	}
}

// slowHeader sends a head that is right and never ends. The server does not see
// the caller of a hijacked connection go; the next bytes will not be taken.
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
			_, _ = w.Write(b) // Flush says what became of it
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
	// Closed below TLS and without lingering, the kernel sends RST in place of FIN.
	_ = below(hijacked).SetLinger(0)
}

// unavailable sends the date of the same clock as Retry-After's.
func (c *channel) unavailable(w http.ResponseWriter, retryAfter string) {
	w.Header().Set("Date", httpDate(c.cfg.Now()))
	w.Header().Set("Retry-After", retryAfter)
	refuse(w, http.StatusServiceUnavailable)
}

// httpDate rounds down.
func httpDate(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	refuse(w, http.StatusFound)
}

// respondWhole announces the body's length, so that nothing seems to be missing.
func respondWhole(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	respond(w, http.StatusOK, body)
}

// hugeBody does not tell how long the body will be.
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
