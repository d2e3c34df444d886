package channels_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/events/channels"
)

func now() time.Time { return time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC) }

// answer is a good answer, changed by header lines "Name: value".
func answer(status int, body string, header ...string) channels.Answer {
	a := channels.Answer{Status: status, Header: textproto.MIMEHeader{"Content-Type": {"application/json"}}, Body: strings.NewReader(body)}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		a.Header.Set(name, value)
	}
	return a
}

func TestAnswerRead(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`{}`))
	_ = z.Close()
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, test := range []struct {
		name   string
		answer channels.Answer
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
		{"cut off", channels.Answer{Status: 200, Header: answer(200, "").Header, Body: io.MultiReader(strings.NewReader(`{"vi`), broken{io.ErrUnexpectedEOF})}, channels.ErrUnreachable},
		{"too slow", channels.Answer{Status: 200, Header: answer(200, "").Header, Body: broken{context.DeadlineExceeded}}, context.DeadlineExceeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			body, err := test.answer.Read(now())
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("error is %v, want %v", err, test.want)
			}
			if (body == nil) != (err != nil) {
				t.Errorf("body %d bytes, error %v", len(body), err)
			}
		})
	}
}

// broken fails to be read.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// TestRetryAfter: nobody asks again before an API wants it, and at most five
// minutes are waited for.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		status int
		header func(now time.Time) string
		want   time.Duration // until the next call; a second of jitter may come on top
	}{
		{"seconds", 503, func(time.Time) string { return "7" }, 7 * time.Second},
		{"throttled", 429, func(time.Time) string { return "2" }, 2 * time.Second},
		{"date", 503, func(now time.Time) string {
			return now.Add(9 * time.Second).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
		}, 9 * time.Second},
		{"obsolete date", 503, func(now time.Time) string { return now.Add(9 * time.Second).UTC().Format(time.ANSIC) }, 9 * time.Second},
		{"past", 503, func(now time.Time) string { return now.Add(-time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }, 0},
		{"absurd", 503, func(time.Time) string { return "999999999999999999999999" }, 5 * time.Minute},
		{"an hour", 503, func(time.Time) string { return "3600" }, 5 * time.Minute},
		{"absurd date", 503, func(time.Time) string { return "Fri, 31 Dec 9999 23:59:59 GMT" }, 5 * time.Minute},
		{"negative", 503, func(time.Time) string { return "-5" }, 0},
		{"nonsense", 503, func(time.Time) string { return "soon" }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, 10, func(c *channels.Config) { c.InFlight = 1 })
				good, failed := b.source.do, false
				b.source.do = func(ctx context.Context, c events.Campaign) ([]*events.ChannelStatsFetched, error) {
					if failed {
						return good(ctx, c)
					}
					failed = true
					_, err := answer(test.status, "", "Retry-After: "+test.header(time.Now())).Read(time.Now())
					return nil, err
				}
				go func() { // another round is held up as well
					time.Sleep(time.Millisecond)
					if err := b.poller.Round(t.Context(), b.publish); err != nil {
						t.Error(err)
					}
				}()
				b.round(t)
				if took := time.Since(b.start); took > 11*time.Second {
					t.Errorf("a poll waited for %v", took)
				}
				b.run(t, max(test.want-time.Since(b.start), 0)+2*time.Second)
				at := b.source.times("", b.start)
				if test.want == 0 {
					if at[1] > time.Second {
						t.Errorf("the next call came after %v", at[1])
					}
					return
				}
				if at[1] < test.want || at[1] > test.want+time.Second {
					t.Errorf("the next call came after %v, want %v and at most a second more", at[1], test.want)
				}
			})
		})
	}
}

// FuzzAnswerRead looks for answers that pass and should not.
func FuzzAnswerRead(f *testing.F) {
	f.Add([]byte(`{"views":1}`), "3")
	f.Add([]byte(strings.Repeat(`{"a":[`, 20)), "Fri, 31 Dec 9999 23:59:59 GMT")
	f.Add([]byte(`"\"[[["`), "-1")
	f.Fuzz(func(t *testing.T, body []byte, retryAfter string) {
		got, err := answer(200, string(body)).Read(now())
		if deep := depth(body); err == nil && deep > 32 {
			t.Errorf("%d levels pass: %q", deep, body)
		} else if err != nil && json.Valid(body) && deep <= 32 {
			t.Errorf("%v of %d levels: %q", err, deep, body)
		}
		if err == nil && !bytes.Equal(got, body) {
			t.Errorf("%q became %q", body, got)
		}
		_, _ = answer(503, "", "Retry-After: "+retryAfter).Read(now()) // does not panic
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

func TestErrorsHoldNoAnswer(t *testing.T) {
	t.Parallel()
	if err := channels.Invalid(errors.New("cannot parse \"010-1234-5678\"")); strings.Contains(err.Error(), "010") || !errors.Is(err, channels.ErrInvalid) {
		t.Errorf("error is %v", err)
	}
	if channels.Unreachable(nil) != nil {
		t.Error("no error became one")
	}
	if err := channels.Unreachable(fmt.Errorf("get: %w", context.Canceled)); !errors.Is(err, context.Canceled) || !errors.Is(err, channels.ErrUnreachable) {
		t.Errorf("error is %v", err)
	}
}
