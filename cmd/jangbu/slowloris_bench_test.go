package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkSlowLoris keeps 5,000 connections open that send a byte of a header each
// second, come again when they are closed, and measures what a good client sees
// meanwhile, and how much memory the process takes.
func BenchmarkSlowLoris(b *testing.B) {
	const connections, span = 5000, 15 * time.Second
	for b.Loop() {
		p := startProgram(b, b.TempDir(), nil)
		address := strings.TrimPrefix(p.api, "http://")
		ctx, stop := context.WithTimeout(b.Context(), span)
		var open, peak atomic.Int64
		var running sync.WaitGroup
		for range connections {
			running.Go(func() {
				var d net.Dialer
				for ctx.Err() == nil {
					conn, err := d.DialContext(ctx, "tcp", address)
					if err != nil {
						time.Sleep(100 * time.Millisecond)
						continue
					}
					peak.Store(max(peak.Load(), open.Add(1)))
					_, err = io.WriteString(conn, "GET /api/events/evt-1/analytics HTTP/1.1\r\nHost: jangbu\r\nX-Slow: ")
					for err == nil && ctx.Err() == nil {
						time.Sleep(time.Second)
						_, err = io.WriteString(conn, "x")
					}
					open.Add(-1)
					_ = conn.Close()
				}
			})
		}
		for open.Load() < connections*9/10 && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		var took []time.Duration
		var rss int64
		for ctx.Err() == nil {
			start := time.Now()
			res, err := http.Get(p.api + "/openapi.yaml")
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			took = append(took, time.Since(start))
			rss = max(rss, residentMiB(b, p.cmd.Process.Pid))
			time.Sleep(5 * time.Millisecond)
		}
		stop()
		running.Wait()
		b.ReportMetric(float64(peak.Load()), "connections")
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "good-p99-ms")
		b.ReportMetric(float64(rss), "MiB")
		p.kill(b)
	}
}

// residentMiB reads how much memory a process has; 0 where it cannot be told.
func residentMiB(b *testing.B, pid int) (mib int64) {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			var kib int64
			if _, err := fmt.Sscan(rest, &kib); err != nil {
				b.Fatal(err)
			}
			return kib >> 10
		}
	}
	return 0
}
