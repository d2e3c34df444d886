package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"jangbu/events/bus/kafka"
	"jangbu/httpapi"
)

type benchReadCommand struct {
	Connections int           `default:"64" help:"Connections, each with one request at a time (${default})."`
	Campaigns   int           `default:"100" help:"Campaigns that are asked for in turn (${default})."`
	For         time.Duration `default:"10s" placeholder:"DURATION" help:"How long each of the two is driven at full speed (${default}); then the API at half of it."`
	JSON        bool          `help:"Print the figures as one JSON object."`
	logConfig
}

// Help implements kong's detailed help.
func (benchReadCommand) Help() string {
	return `Starts everything embedded in a temporary directory, fills in campaigns, and asks for
their dashboards over loopback: the API, with a token and all its limits but those of
rates, and in turn with it a handler of net/http that does nothing but write the same
bytes. Clients and servers share the processors, so only the ratio says much.

Examples:
  jangbu bench read
  jangbu bench read --connections 64 --for 20s --json`
}

// benchRead is what was measured.
type benchRead struct {
	RequestsPerSecond     float64 `json:"requestsPerSecond"`
	BareRequestsPerSecond float64 `json:"bareRequestsPerSecond"`
	Ratio                 float64 `json:"ratio"`
	P50Ms                 float64 `json:"p50Ms"` // of an answer from when it was asked for, at half of the peak rate; as is P99Ms
	P99Ms                 float64 `json:"p99Ms"`
	HitRate               float64 `json:"hitRate"`
}

// benchRounds is how often the two take turns, so that a machine that gets slower
// or faster meanwhile favours neither.
const benchRounds = 5

// Run measures.
func (c benchReadCommand) Run(ctx context.Context, t terminal) (err error) {
	if c.Connections < 1 || c.Campaigns < 1 || c.For < benchRounds*time.Millisecond {
		return fmt.Errorf("%w: --connections, --campaigns and --for: expected more than that", errUsage)
	}
	if c.LogLevel == "info" {
		c.LogLevel = "error" // the terminal is for the figures
	}
	dir, err := os.MkdirTemp("", "jangbu-bench-")
	if err != nil {
		return fmt.Errorf("make temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, token, err := c.start(ctx, dir, c.logger(t))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stopNow()) }()
	load, err := c.prepare(ctx, s, token)
	if err != nil {
		return err
	}
	defer load.close()

	var result benchRead
	var api, bare float64
	before := s.cacheReads()
	for range benchRounds {
		n, err := load.drive(ctx, load.api, c.For/benchRounds, 0, nil)
		if err != nil {
			return err
		}
		api += n
		if n, err = load.drive(ctx, load.bare, c.For/benchRounds, 0, nil); err != nil {
			return err
		}
		bare += n
	}
	result.RequestsPerSecond, result.BareRequestsPerSecond = api/c.For.Seconds(), bare/c.For.Seconds()
	result.Ratio = result.RequestsPerSecond / result.BareRequestsPerSecond
	var took latencies
	if _, err := load.drive(ctx, load.api, c.For, result.RequestsPerSecond/2, &took); err != nil {
		return err
	}
	result.P50Ms, result.P99Ms = took.percentile(50), took.percentile(99)
	after := s.cacheReads()
	result.HitRate = float64(after.hits-before.hits) / float64(after.all-before.all)
	if c.JSON {
		return json.NewEncoder(t.out).Encode(result)
	}
	_, err = fmt.Fprintf(t.out, `%d connections, %d campaigns
read API      %10.0f requests/s, warm
bare handler  %10.0f requests/s, the same bytes
ratio         %10.2f
at half rate  %10.2f ms p50, %.2f ms p99
hit rate      %10.4f
`, c.Connections, c.Campaigns, result.RequestsPerSecond, result.BareRequestsPerSecond, result.Ratio, result.P50Ms, result.P99Ms, result.HitRate)
	return err
}

// start starts a service with everything embedded, and mints a token for it.
func (c benchReadCommand) start(ctx context.Context, dir string, logger *slog.Logger) (*service, string, error) {
	secret := filepath.Join(dir, "jwt.secret")
	if err := createSecret(secret); err != nil {
		return nil, "", err
	}
	key, err := readSecret(secret)
	if err != nil {
		return nil, "", err
	}
	now := time.Now()
	who := httpapi.Identity{Subject: "bench", Role: httpapi.Analyst}
	token, err := who.Sign(key, "jangbu", "jangbu", now, now.Add(maxTokenLife))
	if err != nil {
		return nil, "", err
	}
	cfg := embeddedConfig(dir)
	cfg.authConfig = authConfig{JWTSecretFile: secret, JWTIssuer: "jangbu", JWTAudience: "jangbu"}
	cfg.logConfig = c.logConfig
	s, err := startService(ctx, cfg, logger)
	return s, token, err
}

// prepare fills campaigns in, waits until they are served, and starts the bare
// handler.
func (c benchReadCommand) prepare(ctx context.Context, s *service, token string) (*readLoad, error) {
	g, err := trafficConfig{Campaigns: c.Campaigns, Seed: 1}.generator(time.Now(), s.cfg.topics())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	producer, err := kafka.NewProducer(s.kafkaConfig())
	if err != nil {
		return nil, err
	}
	filled, err := publish(ctx, producer, g, g.Stats(time.Now()), 100*c.Campaigns, 0)
	if err = errors.Join(err, producer.Close()); err != nil {
		return nil, err
	}
	for {
		totals, err := s.log.Totals(ctx)
		if err != nil {
			return nil, err
		}
		if int64(totals.Head) >= filled.Expected.Events && len(s.runner.Status().Checkpoints) > 0 && lag(s.runner.Status(), totals.Head) == 0 {
			break
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	l := &readLoad{connections: c.Connections, token: token}
	var paths []string
	for _, record := range g.Campaigns() {
		paths = append(paths, "/api/events/"+url.PathEscape(string(record.Key))+"/analytics")
	}
	if l.api, err = l.target(ctx, s.httpAddr, paths); err != nil {
		return nil, err
	}
	return l, l.startBare(ctx)
}

// readLoad asks for dashboards.
type readLoad struct {
	connections int
	token       string
	api, bare   *target
	server      *http.Server
}

// target is whom requests go to. They are written and read by connections of the
// driver's own: what a client of net/http costs would hide what the servers do.
type target struct {
	addr     string
	requests [][]byte
}

// target returns requests for the paths of a server.
func (l *readLoad) target(ctx context.Context, addr string, paths []string) (*target, error) {
	t := &target{addr: addr}
	for _, path := range paths {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
		if err != nil {
			return nil, fmt.Errorf("ask for dashboard: %w", err)
		}
		r.Header = http.Header{"Authorization": {"Bearer " + l.token}, "User-Agent": {"jangbu-bench"}}
		var written bytes.Buffer
		if err := r.Write(&written); err != nil {
			return nil, fmt.Errorf("ask for dashboard: %w", err)
		}
		t.requests = append(t.requests, written.Bytes())
	}
	return t, nil
}

// connection asks one thing after the other.
type connection struct {
	net.Conn
	answers *bufio.Reader
}

// dial connects until ctx ends.
func (t *target) dial(ctx context.Context) (*connection, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", t.addr)
	if err != nil {
		return nil, fmt.Errorf("ask for dashboard: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return &connection{conn, bufio.NewReaderSize(conn, 32<<10)}, nil
}

// ask returns the header of the answer, whose body it writes to a writer.
func (c *connection) ask(request []byte, body io.Writer) (http.Header, error) {
	if _, err := c.Write(request); err != nil {
		return nil, fmt.Errorf("ask for dashboard: %w", err)
	}
	res, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for dashboard: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", res.StatusCode)
	}
	_, readErr := io.Copy(body, res.Body)
	if err := errors.Join(err, readErr, res.Body.Close()); err != nil {
		return nil, fmt.Errorf("ask for dashboard: %w", err)
	}
	return res.Header, nil
}

// startBare serves what the API says now, with nothing in between.
func (l *readLoad) startBare(ctx context.Context) error {
	type answer struct {
		header http.Header
		body   []byte
	}
	answers := make([]answer, len(l.api.requests))
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := l.api.dial(asking)
	if err != nil {
		return err
	}
	var paths []string
	for i, request := range l.api.requests {
		var body bytes.Buffer
		header, err := conn.ask(request, &body)
		if err != nil {
			return err
		}
		header.Del("Date")
		answers[i] = answer{header, body.Bytes()}
		paths = append(paths, "/?"+strconv.Itoa(i))
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start bare handler: %w", err)
	}
	l.server = &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, _ := strconv.Atoi(r.URL.RawQuery)
		a := answers[i%len(answers)]
		maps.Copy(w.Header(), a.header)
		_, _ = w.Write(a.body)
	})}
	go func() { _ = l.server.Serve(listener) }() // ends with close
	l.bare, err = l.target(ctx, listener.Addr().String(), paths)
	return err
}

func (l *readLoad) close() {
	if l.server != nil {
		_ = l.server.Close()
	}
}

// drive asks a target over all connections for so long, each as soon as it has an
// answer or, with a number of requests per second, at even intervals. It returns
// how many answers came.
func (l *readLoad) drive(ctx context.Context, t *target, d time.Duration, perSecond float64, took *latencies) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var pause time.Duration // of one connection
	if perSecond > 0 {
		pause = time.Duration(float64(l.connections) / perSecond * float64(time.Second))
	}
	var asked, answered atomic.Int64
	var connections sync.WaitGroup
	failed := make(chan error, l.connections)
	for i := range l.connections {
		connections.Go(func() {
			conn, err := t.dial(ctx)
			for due := time.Now().Add(pause * time.Duration(i) / time.Duration(l.connections)); err == nil && ctx.Err() == nil; due = due.Add(pause) {
				time.Sleep(time.Until(due))
				start := time.Now()
				_, err = conn.ask(t.requests[int(asked.Add(1))%len(t.requests)], io.Discard)
				if err == nil {
					answered.Add(1)
					took.add(time.Since(start))
				}
			}
			if ctx.Err() == nil { // else it was cut off
				failed <- err
			}
		})
	}
	connections.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return float64(answered.Load()), nil
	}
}

// latencies collects how long answers took; a nil one does not.
type latencies struct {
	mu   sync.Mutex
	took []time.Duration
}

func (l *latencies) add(d time.Duration) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, d)
}

// percentile returns it in milliseconds.
func (l *latencies) percentile(p float64) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.took) == 0 {
		return 0
	}
	slices.Sort(l.took)
	at := int(math.Ceil(p/100*float64(len(l.took)))) - 1
	return float64(l.took[max(at, 0)].Microseconds()) / 1000
}

// cacheReads is how often dashboards were asked for, and how often the rows need
// not be read for it.
type cacheReads struct{ all, hits int64 }

func (s *service) cacheReads() cacheReads {
	stats, kept := s.cache.Stats(), s.kept.Load()
	hits := kept + stats.Hits + stats.RedisHits
	return cacheReads{all: hits + stats.Misses, hits: hits}
}

// stopNow stops the service at once.
func (s *service) stopNow() error {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	return s.wait(ended)
}

// embeddedConfig is a service with all parts embedded, on free ports, with its
// files in dir, open to whoever is on this machine, without limits of rates.
func embeddedConfig(dir string) serviceConfig {
	return serviceConfig{
		DataDir: dir, HTTPAddr: "127.0.0.1:0", AdminAddr: "127.0.0.1:0",
		KafkaListen: "127.0.0.1:0", KafkaGroup: "jangbu", topicConfig: defaultTopics(),
		channelConfig: defaultPolling(),
		authConfig:    authConfig{InsecureNoAuth: true},
		Role:          []string{"all"}, TZ: "Asia/Seoul",
	}
}
