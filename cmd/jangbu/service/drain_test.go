package service

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/events/bus/kafka"
)

// keepAlive is a client with one connection at a time. It has no retries, which would hide that
// a connection was reset.
type keepAlive struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
}

// ask sends a request, over the last connection if the server has not said that it closes it.
func (k *keepAlive) ask(path string) (status int, err error) {
	if k.conn == nil {
		conn, err := net.Dial("tcp", k.addr)
		if err != nil {
			return 0, err
		}
		k.conn, k.in = conn, bufio.NewReader(conn)
	}
	if _, err := fmt.Fprintf(k.conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, k.addr); err != nil {
		return 0, fmt.Errorf("send: %w", err)
	}
	res, err := http.ReadResponse(k.in, nil)
	if err != nil {
		return 0, fmt.Errorf("receive: %w", err)
	}
	_, err = io.Copy(io.Discard, res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return 0, fmt.Errorf("receive: %w", err)
	}
	if res.Close {
		k.close()
	}
	return res.StatusCode, nil
}

func (k *keepAlive) close() {
	if k.conn != nil {
		_ = k.conn.Close()
		k.conn = nil
	}
}

// TestDrain stops a service under the load of clients that keep their connections, of which some
// heed /readyz and some never stop: no request is cut off, the stream ends well, and what comes
// later is refused.
func TestDrain(t *testing.T) {
	t.Parallel()
	for _, drain := range []time.Duration{0, 700 * time.Millisecond} {
		t.Run(drain.String(), func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t.TempDir())
			cfg.Drain = drain
			b := &bundle{log: &lockedBuffer{}}
			var err error
			if b.Service, err = Start(t.Context(), cfg, slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))); err != nil {
				t.Fatal(err)
			}
			if b.producer, err = kafka.NewProducer(b.Kafka()); err != nil {
				t.Fatal(err)
			}
			b.produce(t, record(cfg.TopicEventCreated, "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"개업","objective":"신규"}`))
			waitFor(t, 20*time.Second, func() string {
				if _, ok := b.dashboard(t, "evt-1"); !ok {
					return "no dashboard"
				}
				return ""
			})
			if err := b.producer.Close(); err != nil {
				t.Fatal(err)
			}
			stream, err := (&http.Client{Transport: &http.Transport{}}).Get("http://" + b.httpAddr + "/api/events/evt-1/analytics/stream")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = stream.Body.Close() }()
			var (
				clients                 sync.WaitGroup
				leaving                 atomic.Bool // Stop has been called
				turned                  atomic.Bool // /readyz says so
				before, during, refused atomic.Int64
				cut                     atomic.Int64 // clients that met the close of the listener
			)
			for n := range 8 {
				heeds := n%2 == 0
				clients.Go(func() {
					k := keepAlive{addr: b.httpAddr}
					defer k.close()
					for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
						if heeds && turned.Load() {
							return
						}
						left := leaving.Load()
						status, err := k.ask("/api/events/evt-1/analytics")
						switch {
						case k.conn == nil && err != nil && leaving.Load(): // by refusing or resetting the attempt
							refused.Add(1)
							return
						case err != nil && left && (!heeds || drain == 0) && runtime.GOOS != "linux":
							// One that goes on connecting to the end can meet the close itself.
							cut.Add(1)
							return
						case err != nil:
							t.Errorf("client %d, left %t: %v", n, left, err)
							return
						case status != http.StatusOK:
							t.Errorf("client %d: status %d", n, status)
							return
						case left:
							during.Add(1)
						default:
							before.Add(1)
						}
					}
					t.Errorf("client %d was never refused", n)
				})
			}
			waitFor(t, 20*time.Second, func() string {
				if before.Load() < 100 {
					return fmt.Sprintf("%d requests", before.Load())
				}
				return ""
			})
			leaving.Store(true)
			begun := time.Now()
			stopped := make(chan error, 1)
			go func() { stopped <- b.Stop() }()
			if drain > 0 {
				waitFor(t, 10*time.Second, func() string {
					res, err := http.Get(b.adminURL + "/readyz")
					if err != nil {
						return err.Error()
					}
					text, err := io.ReadAll(res.Body)
					if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), "the process is about to stop") {
						return fmt.Sprintf("/readyz: %d %s, %v", res.StatusCode, text, err)
					}
					return ""
				})
				if took := time.Since(begun); took >= drain {
					t.Errorf("/readyz turned after %v", took)
				}
				turned.Store(true)
			}
			text, err := io.ReadAll(stream.Body)
			if err != nil || !strings.Contains(string(text), "event: dashboard") {
				t.Errorf("the stream ended with %v: %.200s", err, text)
			}
			if err := <-stopped; err != nil {
				t.Errorf("stop: %v", err)
			}
			turned.Store(true)
			clients.Wait()
			if took := time.Since(begun); took < drain || took > drain+shutdownGrace {
				t.Errorf("it took %v", took)
			}
			if drain > 0 && during.Load() < 10 {
				t.Errorf("%d requests were served during the drain", during.Load())
			}
			if strings.Contains(b.log.String(), "cut off") {
				t.Errorf("connections were cut off: %s", b.log)
			}
			if t.Failed() {
				t.Log(b.log)
			}
			t.Logf("%d requests before, %d after the stop, %d clients refused, %d cut", before.Load(), during.Load(), refused.Load(), cut.Load())
		})
	}
}
