package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"jangbu/events/channels"
)

func now() time.Time { return time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC) }

// answer is a good answer, changed by header lines "Name: value".
func answer(status int, body string, header ...string) http.Response {
	a := http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		a.Header.Set(name, value)
	}
	return a
}

func judge(a http.Response) ([]byte, error) { return read(&a, now()) }

func TestAnswerRead(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`{}`))
	_ = z.Close()
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, test := range []struct {
		name   string
		answer http.Response
		want   error
	}{
		{"good", answer(200, `{"views":1}`), nil},
		{"charset", answer(200, `{}`, "Content-Type: application/json; charset=UTF-8"), nil},
		{"not compressed", answer(200, `{}`, "Content-Encoding: identity"), nil},
		{"a mebibyte", answer(200, strings.Repeat(" ", 1<<20)), nil},
		{"32 levels", answer(200, nested(32)), nil},
		{"brackets in a string", answer(200, `{"a":"\"`+strings.Repeat("[", 100)+`"}`), nil},
		{"more than a mebibyte", answer(200, strings.Repeat(" ", 1<<20+1)), channels.ErrInvalid},
		{"33 levels", answer(200, nested(33)), channels.ErrInvalid},
		{"compressed", answer(200, zipped.String(), "Content-Encoding: gzip"), channels.ErrInvalid},
		{"html", answer(200, `{}`, "Content-Type: text/html"), channels.ErrInvalid},
		{"no type", answer(200, `{}`, "Content-Type: "), channels.ErrInvalid},
		{"another charset", answer(200, `{}`, "Content-Type: application/json; charset=euc-kr"), channels.ErrInvalid},
		{"nothing to say", answer(204, ``), channels.ErrInvalid},
		{"moved", answer(301, ``, "Location: http://169.254.169.254/"), channels.ErrRefused},
		{"wrong key", answer(401, `{}`), channels.ErrRefused},
		{"forbidden", answer(403, `{}`), channels.ErrRefused},
		{"not found", answer(404, `{}`), channels.ErrNoCampaign},
		{"gone", answer(410, `{}`), channels.ErrNoCampaign},
		{"request timeout", answer(408, `{}`), channels.ErrUnavailable},
		{"too many", answer(429, `{}`), channels.ErrThrottled},
		{"broken", answer(500, `{}`), channels.ErrUnavailable},
		{"away", answer(503, `{}`), channels.ErrUnavailable},
		{"cut off", cutOff(`{"vi`, io.ErrUnexpectedEOF), channels.ErrUnreachable},
		{"too slow", cutOff(``, context.DeadlineExceeded), context.DeadlineExceeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			body, err := judge(test.answer)
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("error is %v, want %v", err, test.want)
			}
			if (body == nil) != (err != nil) {
				t.Errorf("body %d bytes, error %v", len(body), err)
			}
		})
	}
}

// cutOff is a good answer of which err is read after the beginning of its body.
func cutOff(body string, err error) http.Response {
	a := answer(200, "")
	a.Body = io.NopCloser(io.MultiReader(strings.NewReader(body), iotest.ErrReader(err)))
	return a
}

// TestRetryAfter: the longest wait that an answer may ask for is five minutes, and only
// an answer that says "later" asks for one.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, value string
		want        time.Duration
	}{
		{"seconds", "7", 7 * time.Second},
		{"date", now().Add(9 * time.Second).Format(http.TimeFormat), 9 * time.Second},
		{"obsolete date", now().Add(9 * time.Second).Format(time.ANSIC), 9 * time.Second},
		{"past", now().Add(-time.Hour).Format(http.TimeFormat), 0},
		{"absurd", "999999999999999999999999", channels.MaxRetryAfter},
		{"an hour", "3600", channels.MaxRetryAfter},
		{"absurd date", "Fri, 31 Dec 9999 23:59:59 GMT", channels.MaxRetryAfter},
		{"negative", "-5", 0},
		{"nonsense", "soon", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for status, want := range map[int]time.Duration{503: test.want, 429: test.want, 404: 0, 403: 0, 302: 0} {
				_, err := judge(answer(status, "", "Retry-After: "+test.value))
				later, _ := errors.AsType[channels.RetryAfterError](err)
				if later.Wait != want {
					t.Errorf("status %d asks to wait for %v, want %v", status, later.Wait, want)
				}
			}
		})
	}
}

// FuzzAnswerRead looks for answers that pass and should not.
func FuzzAnswerRead(f *testing.F) {
	f.Add([]byte(`{"views":1}`), "3")
	f.Add([]byte(strings.Repeat(`{"a":[`, 20)), "Fri, 31 Dec 9999 23:59:59 GMT")
	f.Add([]byte(`"\"[[["`), "-1")
	f.Fuzz(func(t *testing.T, body []byte, retryAfter string) {
		got, err := judge(answer(200, string(body)))
		if deep := depth(body); err == nil && deep > 32 {
			t.Errorf("%d levels pass: %q", deep, body)
		} else if err != nil && json.Valid(body) && deep <= 32 {
			t.Errorf("%v of %d levels: %q", err, deep, body)
		}
		if err == nil && !bytes.Equal(got, body) {
			t.Errorf("%q became %q", body, got)
		}
		_, _ = judge(answer(503, "", "Retry-After: "+retryAfter)) // does not panic
	})
}

// depth is how deep valid JSON is nested; 0 for what is none.
func depth(body []byte) int {
	if !json.Valid(body) {
		return 0
	}
	d := json.NewDecoder(bytes.NewReader(body))
	level, deepest := 0, 0
	for {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		if delim, ok := token.(json.Delim); ok {
			if delim == '{' || delim == '[' {
				level++
			} else {
				level--
			}
			deepest = max(deepest, level)
		}
	}
}

func TestUnreachableWrapsTheContextsError(t *testing.T) {
	t.Parallel()
	if err := unreachable(fmt.Errorf("get: %w", context.Canceled)); !errors.Is(err, context.Canceled) || !errors.Is(err, channels.ErrUnreachable) {
		t.Errorf("error is %v", err)
	}
}
