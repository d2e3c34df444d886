package channels

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

const (
	// maxAnswer is the longest body that is read, in bytes.
	maxAnswer = 1 << 20
	// maxDepth is how deep an answer may be nested. The deepest of ours has two
	// levels.
	maxDepth = 32
	// maxRetryAfter caps what an API may ask for.
	maxRetryAfter = 5 * time.Minute
)

// Answer is what an API answered, before anything of it is believed.
type Answer struct {
	Status int
	Header textproto.MIMEHeader
	Body   io.Reader
}

// Read returns the body of an answer that is worth decoding: status 200, JSON in
// UTF-8 by its type, not compressed, at most 1 MiB, nested no deeper than 32
// levels. The error wraps a sentinel of this package; now is what a Retry-After
// that names a date is counted from.
func (a Answer) Read(now time.Time) ([]byte, error) {
	if err := a.refusal(now); err != nil {
		return nil, err
	}
	if encoding := a.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, fmt.Errorf("%w: it is compressed, which was not asked for", ErrInvalid)
	}
	media, params, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return nil, fmt.Errorf("%w: its content type is not application/json", ErrInvalid)
	}
	body, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer+1))
	if err != nil {
		return nil, Unreachable(err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("%w: it is longer than 1 MiB", ErrInvalid)
	}
	if tooDeep(body) {
		return nil, fmt.Errorf("%w: it is nested deeper than %d levels", ErrInvalid, maxDepth)
	}
	return body, nil
}

// refusal returns the error for a status other than 200.
func (a Answer) refusal(now time.Time) error {
	sentinel, later := ErrRefused, false // 3xx, which is not followed, and most of 4xx
	switch {
	case a.Status == 200:
		return nil
	case a.Status == 404, a.Status == 410:
		sentinel = ErrNoCampaign
	case a.Status == 429:
		sentinel, later = ErrThrottled, true
	case a.Status == 408, a.Status == 425, a.Status >= 500:
		sentinel, later = ErrUnavailable, true
	case a.Status < 300:
		sentinel = ErrInvalid
	}
	err := fmt.Errorf("%w: status %d", sentinel, a.Status)
	if wait := parseRetryAfter(a.Header.Get("Retry-After"), now); later && wait > 0 {
		return retryAfter{err, wait}
	}
	return err
}

// parseRetryAfter reads seconds or a date (RFC 9110, section 10.2.3), at most
// maxRetryAfter; 0 for what is neither, and for the past.
func parseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) { // out of range is long, too
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	// The three forms of RFC 9110, section 5.6.7.
	for _, layout := range []string{"Mon, 02 Jan 2006 15:04:05 GMT", "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
		if at, err := time.Parse(layout, value); err == nil {
			return min(max(at.Sub(now), 0), maxRetryAfter)
		}
	}
	return 0
}

// tooDeep counts brackets outside of strings. It need not be right about what
// is no JSON: that is refused anyhow.
func tooDeep(body []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// Unreachable returns the error of a [Source] that got no whole answer:
// [ErrRefused] where what stands in the way will be there next time, else
// [ErrUnreachable]. The error of an ended context stays to be found in it.
func Unreachable(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errBlocked) || isCertificateError(err) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// Invalid returns the error of a [Source] that could not decode an answer. What
// the decoder says is not repeated: it may quote the answer, of any length.
func Invalid(error) error { return fmt.Errorf("%w: it is not what the contract says", ErrInvalid) }
