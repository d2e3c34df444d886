package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"jangbu/events/channels"
)

const (
	// maxBody is the longest body that is read, in bytes.
	maxBody = 1 << 20
	// maxDepth is how deep a body may be nested. The deepest contract has two levels.
	maxDepth = 32
)

// read returns the body of an answer that is worth decoding: status 200, JSON in
// UTF-8 by its type, not compressed, at most 1 MiB, nested no deeper than 32
// levels. The error wraps a sentinel of package channels. A Retry-After that names a
// date is counted from now.
func read(res *http.Response, now time.Time) ([]byte, error) {
	if err := refusal(res, now); err != nil {
		return nil, err
	}
	if encoding := res.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, fmt.Errorf("%w: it is compressed, which was not asked for", channels.ErrInvalid)
	}
	media, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return nil, fmt.Errorf("%w: its content type is not application/json", channels.ErrInvalid)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return nil, unreachable(err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("%w: it is longer than 1 MiB", channels.ErrInvalid)
	}
	if tooDeep(body) {
		return nil, fmt.Errorf("%w: it is nested deeper than %d levels", channels.ErrInvalid, maxDepth)
	}
	return body, nil
}

// refusal returns the error for a status other than 200.
func refusal(res *http.Response, now time.Time) error {
	sentinel, later := channels.ErrRefused, false // 3xx, which is not followed, and most of 4xx
	switch status := res.StatusCode; {
	case status == http.StatusOK:
		return nil
	case status == http.StatusNotFound, status == http.StatusGone:
		sentinel = channels.ErrNoCampaign
	case status == http.StatusTooManyRequests:
		sentinel, later = channels.ErrThrottled, true
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		sentinel, later = channels.ErrUnavailable, true
	case status < 300:
		sentinel = channels.ErrInvalid
	}
	err := fmt.Errorf("%w: status %d", sentinel, res.StatusCode)
	if wait := parseRetryAfter(res.Header.Get("Retry-After"), now); later && wait > 0 {
		return channels.RetryAfterError{Err: err, Wait: wait}
	}
	return err
}

// parseRetryAfter reads seconds or a date (RFC 9110, section 10.2.3), at most
// [channels.MaxRetryAfter]; 0 for what is neither, and for the past.
func parseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(channels.MaxRetryAfter/time.Second) { // out of range is long, too
			return channels.MaxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	// The three forms of RFC 9110, section 5.6.7.
	for _, layout := range []string{http.TimeFormat, "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
		if at, err := time.Parse(layout, value); err == nil {
			return min(max(at.Sub(now), 0), channels.MaxRetryAfter)
		}
	}
	return 0
}

// tooDeep counts brackets outside of strings. Its result for invalid JSON does not
// matter, because the decoder refuses that.
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

// unreachable returns the error of a call that got no whole answer:
// [channels.ErrRefused] where another call would fail the same way, else
// [channels.ErrUnreachable]. It wraps err, so an ended context shows.
func unreachable(err error) error {
	if errors.Is(err, errBlocked) || isCertificateError(err) {
		return fmt.Errorf("%w: %w", channels.ErrRefused, err)
	}
	return fmt.Errorf("%w: %w", channels.ErrUnreachable, err)
}
