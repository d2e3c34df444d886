package simulator_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events/channels/simulator"
)

// huge is the value of wrong figures.
const huge = 900_000_000_000

// check finds out whether an API has the fault that was ordered.
type check func(t *testing.T, b *testBundle, a simulator.API)

func checks() map[simulator.Fault]check {
	return map[simulator.Fault]check{
		simulator.Hang:             hangs,
		simulator.SlowHeader:       dripsHead,
		simulator.SlowBody:         drips,
		simulator.Reset:            isReset,
		simulator.Status500:        hasStatus(http.StatusInternalServerError, "Retry-After", ""),
		simulator.Status503Seconds: hasStatus(http.StatusServiceUnavailable, "Retry-After", "2"),
		simulator.Status503Date:    hasStatus(http.StatusServiceUnavailable, "Retry-After", "Mon, 23 Nov 2026 01:00:03 GMT"),
		simulator.Status503Absurd:  hasStatus(http.StatusServiceUnavailable, "Retry-After", "999999999999"),
		simulator.Status429:        hasStatus(http.StatusTooManyRequests, "Retry-After", "1"),
		simulator.Redirect:         redirects,
		simulator.RedirectMetadata: hasStatus(http.StatusFound, "Location", "http://169.254.169.254/latest/meta-data/"),
		simulator.ContentType:      isHTML,
		simulator.Truncated:        isTruncated,
		simulator.Nested:           isNested,
		simulator.DuplicateKeys:    hasDuplicates,
		simulator.Negative:         hasFigure(-1),
		simulator.Shrinking:        isHalf,
		simulator.TooLarge:         hasFigure(1<<53 + 1),
		simulator.GzipBomb:         isBomb,
		simulator.HugeBody:         isEndless,
		simulator.TLSExpired:       refusesTLS(isExpired),
		simulator.TLSWrongHost:     refusesTLS(isForAnotherHost),
		simulator.SlowAccept:       neverAccepts,
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	checks := checks()
	if len(checks) != len(simulator.Faults()) {
		t.Errorf("%d faults are checked, want %d", len(checks), len(simulator.Faults()))
	}
	for _, fault := range simulator.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			b := setup(t, time.Millisecond) // so that dates have to be rounded
			for i, a := range simulator.APIs() {
				want := b.mustGet(t, a, "e")
				b.Order(a, fault)
				if got := b.Ordered(a); got != fault {
					t.Errorf("%s: %q is ordered, want %q", a, got, fault)
				}
				checks[fault](t, b, a)

				other := simulator.APIs()[(i+1)%len(simulator.APIs())]
				if b.Ordered(other) != "" {
					t.Errorf("%s has the fault of %s", other, a)
				}
				b.mustGet(t, other, "e")
				b.Order(a, "")
				if diff := cmp.Diff(want, b.mustGet(t, a, "e")); diff != "" {
					t.Errorf("%s after the fault (-want +got):\n%s", a, diff)
				}
			}
			if fault != simulator.Redirect && b.Followed() != 0 {
				t.Errorf("%d redirects were followed", b.Followed())
			}
		})
	}
}

// whole reads an answer that has nothing wrong in its form.
func whole(t *testing.T, b *testBundle, a simulator.API) answer {
	t.Helper()
	got, err := b.get(t, a, "e")
	if err != nil || got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %v, status %d, header %v", a, err, got.status, got.header)
	}
	if got, want := got.header.Get("Content-Length"), strconv.Itoa(len(got.body)); got != want {
		t.Errorf("%s: Content-Length is %s, want %s", a, got, want)
	}
	return got
}

// hangs wants a call to arrive and no answer to come.
func hangs(t *testing.T, b *testBundle, a simulator.API) {
	calls := b.Calls(a)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := b.call(ctx, http.MethodGet, b.URL(a)+path(a, "e"), header(a), 1<<20)
		done <- err
	}()
	waitFor(t, "the call", func() bool { return b.Calls(a) == calls+1 })
	defer time.AfterFunc(impatience, cancel).Stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%s: %v, want no answer", a, err)
	}
}

// dripsHead wants no answer and, below HTTP, a head that is right as far as it goes.
func dripsHead(t *testing.T, b *testBundle, a simulator.API) {
	hangs(t, b, a)
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: b.Roots()}}
	connection, err := dialer.DialContext(t.Context(), "tcp", b.URL(a)[len("https://"):])
	if err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	defer func() { _ = connection.Close() }()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL(a)+path(a, "e"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header(a)
	began := time.Now()
	if err := r.Write(connection); err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	head := make([]byte, len("HTTP/1"))
	if _, err := io.ReadFull(connection, head); err != nil || string(head) != "HTTP/1" {
		t.Errorf("%s: the head begins with %q: %v", a, head, err)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("%s: %d bytes took %v only", a, len(head), took)
	}
}

// drips wants a body to begin and not to end.
func drips(t *testing.T, b *testBundle, a simulator.API) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.URL(a)+path(a, "e"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header(a)
	res, err := b.client.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	defer func() { _ = res.Body.Close() }()
	beginning := make([]byte, 2)
	if _, err := io.ReadFull(res.Body, beginning); err != nil || string(beginning) != `{"` {
		t.Errorf("%s: the body begins with %q: %v", a, beginning, err)
	}
	defer time.AfterFunc(impatience, cancel).Stop()
	if rest, err := io.ReadAll(res.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("%s: the body goes on with %q: %v, want no end", a, rest, err)
	}
}

func isReset(t *testing.T, b *testBundle, a simulator.API) {
	got, err := b.get(t, a, "e")
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%s: %v, want %v", a, err, syscall.ECONNRESET)
	}
	if n, _ := strconv.Atoi(got.header.Get("Content-Length")); got.status != http.StatusOK || len(got.body) != n/2 || n == 0 {
		t.Errorf("%s: status %d, %d of %d bytes came", a, got.status, len(got.body), n)
	}
}

func hasStatus(status int, name, value string) check {
	return func(t *testing.T, b *testBundle, a simulator.API) {
		got, err := b.get(t, a, "e")
		if err != nil || got.status != status || got.header.Get(name) != value {
			t.Errorf("%s: %v, status %d, %s: %q, want %d, %q", a, err, got.status, name, got.header.Get(name), status, value)
		}
	}
}

func redirects(t *testing.T, b *testBundle, a simulator.API) {
	got, err := b.get(t, a, "e")
	if err != nil || got.status != http.StatusFound {
		t.Fatalf("%s: %v, status %d", a, err, got.status)
	}
	followed := b.Followed()
	there, err := b.call(t.Context(), http.MethodGet, b.URL(a)+got.header.Get("Location"), header(a), 1<<20)
	if err != nil || there.status != http.StatusOK {
		t.Fatalf("%s: where the redirect leads: %v, status %d", a, err, there.status)
	}
	areHuge(t, a, there.figures(t), 0)
	if b.Followed() != followed+1 {
		t.Errorf("%s: followed = %d, want %d", a, b.Followed(), followed+1)
	}
}

// areHuge wants all figures but some to be unbelievable.
func areHuge(t *testing.T, a simulator.API, figures map[string]float64, but int) {
	t.Helper()
	n := 0
	for _, f := range figures {
		if f >= huge && f <= huge+1 {
			n++
		}
	}
	if n == 0 || n != len(figures)-but {
		t.Errorf("%s: %d of %v are huge, want all but %d", a, n, figures, but)
	}
}

func isHTML(t *testing.T, b *testBundle, a simulator.API) {
	got, err := b.get(t, a, "e")
	if err != nil || got.status != http.StatusOK || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%s: %v, status %d, header %v", a, err, got.status, got.header)
	}
	areHuge(t, a, got.figures(t), 0)
}

func isTruncated(t *testing.T, b *testBundle, a simulator.API) {
	got := whole(t, b, a)
	if err := json.Unmarshal(got.body, new(any)); err == nil || !bytes.Contains(got.body, []byte(":900000000000,")) {
		t.Errorf("%s: %q is not cut between the figures", a, got.body)
	}
}

func isNested(t *testing.T, b *testBundle, a simulator.API) {
	got := whole(t, b, a)
	if n := bytes.Count(got.body, []byte("[")); n != 10_000 {
		t.Errorf("%s: %d levels, want 10000", a, n)
	}
	got.body = slices.DeleteFunc(got.body, func(c byte) bool { return c == '[' || c == ']' })
	got.body = bytes.Replace(got.body, []byte(`"extra":,`), nil, 1)
	areHuge(t, a, got.figures(t), 0)
}

func hasDuplicates(t *testing.T, b *testBundle, a simulator.API) {
	got := whole(t, b, a)
	figures := got.figures(t)
	areHuge(t, a, figures, 0)
	for _, value := range []string{":900000000000", ":900000000001"} {
		if n := bytes.Count(got.body, []byte(value)); n != len(figures) {
			t.Errorf("%s: %q has %d values %s, want %d", a, got.body, n, value, len(figures))
		}
	}
}

func hasFigure(want int64) check {
	return func(t *testing.T, b *testBundle, a simulator.API) {
		got := whole(t, b, a)
		if n := bytes.Count(got.body, strconv.AppendInt([]byte{':'}, want, 10)); n != 1 {
			t.Errorf("%s: %q has %d figures of %d, want 1", a, got.body, n, want)
		}
		areHuge(t, a, got.figures(t), 1)
	}
}

func isHalf(t *testing.T, b *testBundle, a simulator.API) {
	half := whole(t, b, a).figures(t)
	b.Order(a, "")
	for name, f := range b.mustGet(t, a, "e") {
		if want := float64(int64(f) / 2); half[name] != want {
			t.Errorf("%s: %s = %v, want %v", a, name, half[name], want)
		}
	}
}

func isBomb(t *testing.T, b *testBundle, a simulator.API) {
	got, err := b.get(t, a, "e")
	if err != nil || got.status != http.StatusOK || got.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%s: %v, status %d, header %v", a, err, got.status, got.header)
	}
	if len(got.body) > 2<<20 {
		t.Errorf("%s: %d bytes are no bomb", a, len(got.body))
	}
	// To unpack all of it takes seconds. It is made of parts that end on the mark
	// of a flush, and those in the middle are one and the same.
	const gzipHead, gzipTail = 10, 8
	mark := []byte{0, 0, 0xff, 0xff}
	parts := bytes.SplitAfter(got.body[gzipHead:len(got.body)-gzipTail], mark)
	parts = parts[:len(parts)-1] // nothing follows the last mark
	first, blanks, last := parts[0], parts[1:len(parts)-1], parts[len(parts)-1]
	for _, blank := range blanks {
		if !bytes.Equal(blank, blanks[0]) {
			t.Fatalf("%s: the parts are not the same", a)
		}
	}
	none, one := inflate(t, first, last), inflate(t, first, blanks[0], last)
	left, right := bytes.IndexByte(one, ' '), len(one)-1-bytes.LastIndexByte(one, ' ')
	if n := bytes.Count(one, []byte{' '}); n != len(one)-left-right {
		t.Errorf("%s: %d blanks are not all in one place", a, n)
	}
	if n := len(none) + len(blanks)*(len(one)-len(none)); n != 1<<30 {
		t.Errorf("%s: unpacks to %d bytes, want 1 GiB", a, n)
	}
	sum := crc32.NewIEEE()
	_, _ = sum.Write(one[:left])
	white := bytes.Repeat([]byte{' '}, 1<<20)
	for n := 1<<30 - left - right; n > 0; n -= len(white) {
		_, _ = sum.Write(white[:min(n, len(white))])
	}
	_, _ = sum.Write(one[len(one)-right:])
	want := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, sum.Sum32()), 1<<30)
	if tail := got.body[len(got.body)-gzipTail:]; !bytes.Equal(tail, want) {
		t.Errorf("%s: gzip's checksum and size are %x, want %x", a, tail, want)
	}
	if _, err := gzip.NewReader(bytes.NewReader(got.body)); err != nil {
		t.Errorf("%s: gzip's head: %v", a, err)
	}
	got.body = one
	areHuge(t, a, got.figures(t), 0)
}

func inflate(t *testing.T, parts ...[]byte) []byte {
	t.Helper()
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(bytes.Join(parts, nil))))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// isEndless takes 8 MiB for endless.
func isEndless(t *testing.T, b *testBundle, a simulator.API) {
	got, err := b.get(t, a, "e")
	if err != nil || got.status != http.StatusOK || got.header.Get("Content-Encoding") != "" || len(got.body) != 8<<20 {
		t.Fatalf("%s: %v, status %d, header %v, %d bytes", a, err, got.status, got.header, len(got.body))
	}
	got.body = append(bytes.TrimRight(got.body, " "), '}')
	areHuge(t, a, got.figures(t), 0)
}

func isExpired(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
}

func isForAnotherHost(err error) bool {
	var host x509.HostnameError
	return errors.As(err, &host)
}

func refusesTLS(reason func(error) bool) check {
	return func(t *testing.T, b *testBundle, a simulator.API) {
		calls := b.Calls(a)
		if _, err := b.get(t, a, "e"); !reason(err) {
			t.Errorf("%s: %v", a, err)
		}
		if n := b.Calls(a) - calls; n != 0 {
			t.Errorf("%s: %d calls without a handshake", a, n)
		}
		careless := &testBundle{b.Simulator, client(t, &tls.Config{InsecureSkipVerify: true})}
		areHuge(t, a, whole(t, careless, a).figures(t), 0)
	}
}

func neverAccepts(t *testing.T, b *testBundle, a simulator.API) {
	calls := b.Calls(a)
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", b.URL(a)[len("https://"):])
	if err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := b.getWithin(t, a, "e", impatience); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: %v, want a timeout", a, err)
	}
	if n := b.Calls(a) - calls; n != 0 {
		t.Errorf("%s: %d calls", a, n)
	}
}
