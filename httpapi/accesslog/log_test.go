package accesslog_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/httpapi"
	"jangbu/httpapi/accesslog"
	"jangbu/httpapi/auth"
)

func noon() time.Time { return time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC) }

func observed() httpapi.Observation {
	return httpapi.Observation{
		Phase: httpapi.Answered, At: noon(), Took: 412 * time.Microsecond, Client: "203.0.113.7", Method: "GET", Route: "getAnalytics",
		Status: 200, Bytes: 5120, Subject: "kim", Role: auth.Owner, Campaign: "evt-1", Shop: "store-1",
	}
}

// disk is a writer that tests hold up, or break.
type disk struct {
	mu     sync.Mutex // held: writes wait
	text   bytes.Buffer
	broken error
}

func (d *disk) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return 0, d.broken
	}
	return d.text.Write(b)
}

func (d *disk) breaks(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = err
}

// lines returns what was written, each line decoded.
func (d *disk) lines(t testing.TB) []map[string]any {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	return decoded(t, d.text.Bytes())
}

func decoded(t testing.TB, text []byte) (all []map[string]any) {
	t.Helper()
	for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
		var one map[string]any
		if err := json.Unmarshal(scanner.Bytes(), &one); err != nil {
			t.Fatalf("%v: %s", err, scanner.Text())
		}
		all = append(all, one)
	}
	return all
}

func wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	var out disk
	log := accesslog.New(&out, slog.New(slog.DiscardHandler))
	log.Observe(observed())
	refused := httpapi.Observation{Phase: httpapi.Answered, At: noon(), Client: "2001:db8::1", Method: "GET", Route: "getDigest", Status: 401, Bytes: 120, Reason: "kid: is unknown"}
	log.Observe(refused)
	stream := observed()
	stream.Phase, stream.Route, stream.Bytes = httpapi.StreamBegun, "streamAnalytics", 0
	log.Observe(stream)
	stream.Phase, stream.Bytes, stream.Took, stream.Reason = httpapi.StreamEnded, 90210, time.Minute, "the client left"
	log.Observe(stream)
	named := httpapi.Observation{Phase: httpapi.Answered, At: noon(), Client: "203.0.113.7", Method: "GET", Route: "listEvents", Status: 200, Subject: "kim@example.com", Role: auth.Owner, Shop: "shop-010-1234-5678"}
	log.Observe(named)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{
			"time": "2026-11-23T03:00:00.000412Z", "level": "INFO", "msg": "request", "client": "203.0.113.7", "method": "GET", "route": "getAnalytics",
			"status": 200.0, "bytes": 5120.0, "durationMs": 0.412, "subject": "kim", "role": "owner", "campaign": "evt-1", "shop": "store-1",
		},
		{
			"time": "2026-11-23T03:00:00Z", "level": "INFO", "msg": "request", "client": "2001:db8::1", "method": "GET", "route": "getDigest",
			"status": 401.0, "bytes": 120.0, "durationMs": 0.0, "reason": "kid: is unknown",
		},
		{
			"time": "2026-11-23T03:00:00.000412Z", "level": "INFO", "msg": "stream begun", "client": "203.0.113.7", "method": "GET", "route": "streamAnalytics",
			"status": 200.0, "bytes": 0.0, "durationMs": 0.412, "subject": "kim", "role": "owner", "campaign": "evt-1", "shop": "store-1",
		},
		{
			"time": "2026-11-23T03:01:00Z", "level": "INFO", "msg": "stream ended", "client": "203.0.113.7", "method": "GET", "route": "streamAnalytics",
			"status": 200.0, "bytes": 90210.0, "durationMs": 60000.0, "subject": "kim", "role": "owner", "campaign": "evt-1", "shop": "store-1",
			"reason": "the client left",
		},
		{
			"time": "2026-11-23T03:00:00Z", "level": "INFO", "msg": "request", "client": "203.0.113.7", "method": "GET", "route": "listEvents",
			"status": 200.0, "bytes": 0.0, "durationMs": 0.0, "subject": "***", "role": "owner", "shop": "shop-***",
		},
	}
	if diff := cmp.Diff(want, out.lines(t)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// TestSlowDisk: requests do not wait, what does not fit is dropped, counted and said, in the
// log of the service and, once there is a disk again, in the lines.
func TestSlowDisk(t *testing.T) {
	t.Parallel()
	var out disk
	var service syncBuffer
	log := accesslog.New(&out, slog.New(slog.NewTextHandler(&service, nil)))
	out.mu.Lock()
	const sent = accesslog.MaxQueued + 5_000
	for range sent { // a request that waited would wait for good
		log.Observe(observed())
	}
	dropped := log.Dropped()
	if dropped == 0 || dropped > 5_000 {
		t.Errorf("%d lines were dropped of %d", dropped, sent)
	}
	if got := strings.Count(service.String(), "lines are dropped"); got != 1 {
		t.Errorf("the service's log says so %d times: %s", got, service.String())
	}
	out.mu.Unlock()
	wait(t, "all that was queued", func() bool {
		out.mu.Lock()
		defer out.mu.Unlock()
		return bytes.Count(out.text.Bytes(), []byte("\n")) >= int(sent-dropped)
	})
	log.Observe(observed())
	log.Observe(observed())
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	missing, requests := 0.0, 0
	for _, line := range out.lines(t) {
		if line["msg"] == "request" {
			requests++
		} else {
			missing += line["lines"].(float64)
		}
	}
	if int64(missing) != dropped || int64(requests)+dropped != sent+2 || log.Dropped() != dropped {
		t.Errorf("of %d lines %d were written, %v are said to be missing, %d were dropped", sent+2, requests, missing, dropped)
	}
	if !strings.Contains(service.String(), "every line is written again") {
		t.Errorf("the service's log does not say that it is over: %s", service.String())
	}
}

// TestFullDisk: lines that cannot be written are counted, and said once there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	var out disk
	var service syncBuffer
	log := accesslog.New(&out, slog.New(slog.NewTextHandler(&service, nil)))
	out.breaks(errors.New("no space left on device"))
	for n := range int64(3) {
		log.Observe(observed())
		wait(t, "a drop", func() bool { return log.Dropped() == n+1 })
	}
	out.breaks(nil)
	log.Observe(observed())
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	lines := out.lines(t)
	if len(lines) != 2 || lines[0]["msg"] != "lines are missing here" || lines[0]["lines"] != 3.0 || lines[1]["msg"] != "request" {
		t.Errorf("lines: %v", lines)
	}
	if said := service.String(); strings.Count(said, "no space left") != 1 {
		t.Errorf("the service's log: %s", said)
	}
}

// TestStuckDisk: the end does not wait for a disk that never answers.
func TestStuckDisk(t *testing.T) {
	t.Parallel()
	var out disk
	log := accesslog.New(&out, slog.New(slog.DiscardHandler))
	out.mu.Lock()
	defer out.mu.Unlock()
	log.Observe(observed())
	begun := time.Now()
	if err := log.Close(); err == nil {
		t.Error("Close returned as if all were written")
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("Close took %v", took)
	}
}

// TestMovedFile: a file that was moved away is opened anew, and one that was truncated, as
// logrotate's copytruncate does, is gone on with.
func TestMovedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	file, err := accesslog.OpenFile(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	log := accesslog.New(file, slog.New(slog.DiscardHandler))
	count := func(path string) int {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return bytes.Count(text, []byte("\n"))
	}
	log.Observe(observed())
	wait(t, "a line", func() bool { return count(path) == 1 })
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	log.Observe(observed())
	wait(t, "a line after the truncation", func() bool { return count(path) == 1 })
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	sent := 0
	wait(t, "a line in a new file", func() bool { sent++; log.Observe(observed()); return count(path) > 0 })
	if err := errors.Join(log.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	if got := count(path) + count(path+".1"); got != sent+1 || log.Dropped() > 0 {
		t.Errorf("%d lines in both files, want %d; %d dropped", got, sent+1, log.Dropped())
	}
	for _, p := range []string{path, path + ".1"} {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		decoded(t, text)
	}
}

// BenchmarkLines is what a request pays, and the writer for its line.
func BenchmarkLines(b *testing.B) {
	path := filepath.Join(b.TempDir(), "access.log")
	var observing time.Duration
	for b.Loop() {
		file, err := accesslog.OpenFile(path, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		log := accesslog.New(file, slog.New(slog.DiscardHandler))
		begun := time.Now()
		for range accesslog.MaxQueued {
			log.Observe(observed())
		}
		observing += time.Since(begun)
		if err := errors.Join(log.Close(), file.Close()); err != nil || log.Dropped() > 0 {
			b.Fatal(err, log.Dropped())
		}
	}
	lines := float64(b.N) * accesslog.MaxQueued
	b.ReportMetric(float64(observing.Nanoseconds())/lines, "ns/request")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/lines, "ns/line")
}

// syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
