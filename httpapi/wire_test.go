package httpapi_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"

	"jangbu/events"
	"jangbu/httpapi"
)

// maxUpdate is the most bytes that an update of a campaign of 60 days is on the wire.
const maxUpdate = 2 << 10

// longCampaign is a campaign of 60 days on all channels, which began 45 days before noon.
func longCampaign() []events.Event {
	won := func(n int64) *events.Won { w := events.Won(n); return &w }
	begin := noon().AddDate(0, 0, -45)
	facts := []events.Event{&events.EventCreated{
		Campaign: "evt-1", Shop: "store-1", Title: "가을 감사 이벤트", Objective: "신규 고객 유치", StartsAt: begin, EndsAt: begin.AddDate(0, 0, 60),
		PrizeCost: won(1_000_000), PlatformCost: won(200_000), ExpectedSalesIncrease: won(3_000_000), BaselineSales: won(24_000_000), NewCustomerLTV: won(50_000),
		Goal: &events.Goal{Metric: "participants", Target: 3000},
	}}
	var to []events.Distribution
	for i, channel := range events.Channels() {
		to = append(to, events.Distribution{Channel: channel, Cost: won(int64(i+1) * 50_000)})
		n := int64(i+1) * 12_345
		facts = append(facts, &events.ChannelStatsFetched{Campaign: "evt-1", Channel: channel, FetchedAt: noon(), Impressions: &n, Clicks: &n})
	}
	facts = append(facts, &events.DistributionCompleted{Campaign: "evt-1", Channels: to, CompletedAt: begin})
	for i := range 45 * 24 {
		facts = append(facts, visitor(i, begin.Add(time.Duration(i)*time.Hour)))
	}
	return facts
}

// visitor is a registration at a time.
func visitor(n int, at time.Time) events.Event {
	is := n%2 == 0
	return &events.ParticipantRegistered{
		Campaign: "evt-1", Participant: fmt.Sprint("v-", n), RegisteredAt: at, NewCustomer: &is, Gender: []string{"female", "male"}[n%2],
		AgeGroup: fmt.Sprintf("%d0s", 2+n%4), Region: []string{"서울", "경기", "부산"}[n%3], Channel: []string{"kakao", "naver", "instagram", "onsite"}[n%4],
	}
}

// counting counts what a client reads from the network.
type counting struct {
	net.Conn
	read *atomic.Int64
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// TestUpdateIsSmall: what a registration changes in a long campaign is at most 2 KB on the wire,
// with everything that is counted by it.
func TestUpdateIsSmall(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"", "?interval=hour"} {
		t.Run("asked "+query, func(t *testing.T) {
			t.Parallel()
			f := &fresh{}
			b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness = f })
			b.fold(t, longCampaign()...)
			server := httptest.NewServer(b)
			t.Cleanup(server.Close)
			var read atomic.Int64
			client := &http.Client{Transport: &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				var d net.Dialer
				conn, err := d.DialContext(ctx, network, address)
				return counting{conn, &read}, err
			}}}
			t.Cleanup(client.CloseIdleConnections)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/events/evt-1/analytics/stream"+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+b.token)
			r.Header.Set("Accept-Encoding", "gzip")
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = res.Body.Close() })
			body, err := gzip.NewReader(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			updates, before, most, plain := -1, int64(0), int64(0), 0
			for e, err := range sse.Read(body, nil) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Type == "beat" {
					before = read.Load()
					continue
				}
				if updates >= 0 {
					if e.Type != "patch" {
						t.Errorf("update %d: %s", updates, e.Type)
					}
					most, plain = max(most, read.Load()-before), max(plain, len(e.Data))
				} else {
					t.Logf("the whole view: %d bytes, %d on the wire", len(e.Data), read.Load())
				}
				if updates++; updates == 8 {
					break
				}
				before = read.Load()
				b.fold(t, visitor(5000+updates, noon().Add(-time.Duration(updates)*20*time.Minute)))
				f.changed("evt-1")
			}
			t.Logf("an update: %d bytes, %d on the wire", plain, most)
			if most > maxUpdate {
				t.Errorf("an update is %d bytes on the wire, want at most %d", most, maxUpdate)
			}
		})
	}
}

// viewers are how many streams the benchmark has, updates a second how often their campaign
// changes.
const (
	viewers = 200
	updates = 4
)

// BenchmarkStreams measures what 200 viewers of one campaign that changes four times a second
// cost the process that serves them: of its CPU time, what it does not use without them. They are
// in a process of their own.
func BenchmarkStreams(b *testing.B) {
	if address := os.Getenv("JANGBU_TEST_STREAM"); address != "" {
		view(b, address, os.Getenv("JANGBU_TEST_TOKEN"))
		return
	}
	f := &fresh{}
	api := setup(b, func(cfg *httpapi.Config) { cfg.Freshness = f })
	api.fold(b, longCampaign()...)
	server := httptest.NewServer(api)
	b.Cleanup(server.Close)
	registered := 5000
	shown := 0.0 // views a second
	used := func(during time.Duration) time.Duration {
		reads, start := api.store.reads.Load(), time.Now()
		defer func() { shown = float64(api.store.reads.Load()-reads) / time.Since(start).Seconds() }()
		before, tick := cpu(b), time.NewTicker(time.Second/updates)
		defer tick.Stop()
		for end := time.Now().Add(during); time.Now().Before(end); {
			<-tick.C
			registered++
			api.fold(b, visitor(registered, noon().Add(-time.Hour)))
			f.changed("evt-1")
		}
		return cpu(b) - before
	}
	const during = 10 * time.Second
	idle := used(during)
	clients := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^$", "-test.bench=BenchmarkStreams$", "-test.benchtime=1x")
	clients.Env = append(os.Environ(), "JANGBU_TEST_STREAM="+server.URL+"/api/events/evt-1/analytics/stream", "JANGBU_TEST_TOKEN="+api.token)
	clients.Stderr = os.Stderr
	said, err := clients.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := clients.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = clients.Process.Kill(); _ = clients.Wait() })
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.HasSuffix(lines.Text(), "open") {
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	busy := used(during)
	for b.Loop() {
	}
	b.ReportMetric(shown, "views/s")
	b.ReportMetric(float64(busy-idle)/float64(during)*100, "%core")
	b.ReportMetric(float64(idle)/float64(during)*100, "%core-idle")
}

// cpu returns the CPU time that the process has used.
func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// view reads streams until the process is killed. It says when all are open.
func view(b *testing.B, address, token string) {
	var shown, size atomic.Int64
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, MaxConnsPerHost: 0}}
	failed := make(chan error, viewers)
	for range viewers {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, nil)
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Accept-Encoding", "gzip")
		res, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = res.Body.Close() })
		if res.StatusCode != http.StatusOK {
			b.Fatal(res.Status)
		}
		go func() {
			buffer, first := make([]byte, 64<<10), true
			for {
				n, err := res.Body.Read(buffer)
				if err != nil {
					failed <- err
					return
				}
				size.Add(int64(n))
				if first {
					first = false
					if shown.Add(1) == viewers {
						fmt.Println("open")
					}
				}
			}
		}()
	}
	b.Fatal(<-failed)
}
