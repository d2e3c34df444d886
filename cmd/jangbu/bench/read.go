package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/service"
	"jangbu/cmd/jangbu/stores"
	"jangbu/cmd/jangbu/tokens"
	"jangbu/events/bus/kafka"
	"jangbu/events/synthetic"
	"jangbu/httpapi/auth"
)

type benchReadCommand struct {
	Connections int           `default:"64" help:"Connections, each with one request at a time (${default})."`
	Campaigns   int           `default:"100" help:"Campaigns whose dashboards are read, one after another (${default})."`
	For         time.Duration `default:"10s" placeholder:"DURATION" help:"How long each of the two is measured at full speed (${default}), and then at half of it."`
	JSON        bool          `help:"Print the result as one JSON object."`
	cli.LogConfig
}

// Help implements kong's detailed help.
func (benchReadCommand) Help() string {
	return `Starts every part embedded in a temporary directory, fills in campaigns, and reads their
dashboards over loopback, from another process: from the API, with a token and all its
limits but those of rates, and in alternation from a handler of net/http that only writes the
same bytes. All share the processors, so only the comparison means much.

Examples:
  jangbu bench read
  jangbu bench read --connections 64 --for 20s --json`
}

// benchRead is the result, as JSON.
type benchRead struct {
	RequestsPerSecond     float64 `json:"requestsPerSecond"`
	BareRequestsPerSecond float64 `json:"bareRequestsPerSecond"`
	Ratio                 float64 `json:"ratio"`
	// At half of the peak rate, from a request to its response: the medians of all
	// rounds.
	P50Ms     float64 `json:"p50Ms"`
	P99Ms     float64 `json:"p99Ms"`
	BareP99Ms float64 `json:"bareP99Ms"`
	HitRate   float64 `json:"hitRate"`
}

// benchRounds is how often the two are measured in alternation, so that a machine that gets
// slower or faster meanwhile favours neither.
const benchRounds = 5

// Run measures.
func (c benchReadCommand) Run(ctx context.Context, t cli.Terminal) (err error) {
	var wrong cli.Problems
	if c.Connections < 1 {
		wrong.Add("connections", "expected 1 or more")
	}
	if c.Campaigns < 1 || c.Campaigns > 1_000_000 {
		wrong.Add("campaigns", "expected 1 to 1000000")
	}
	if c.For < benchRounds*time.Millisecond {
		wrong.Add("for", "expected %v or more", benchRounds*time.Millisecond)
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	c.Quiet()
	dir, err := os.MkdirTemp("", "jangbu-bench-")
	if err != nil {
		return fmt.Errorf("make temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, token, err := c.start(ctx, dir, c.Logger(t))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	load, err := c.prepare(ctx, s, token)
	if err != nil {
		return err
	}
	defer load.close()

	var result benchRead
	all, hits := s.CacheReads()
	api, bare, err := c.measureBoth(ctx, load, 0, 0)
	if err != nil {
		return err
	}
	result.RequestsPerSecond, result.BareRequestsPerSecond = api.perSecond(c.For), bare.perSecond(c.For)
	result.Ratio = result.RequestsPerSecond / result.BareRequestsPerSecond
	api, bare, err = c.measureBoth(ctx, load, result.RequestsPerSecond/2, result.BareRequestsPerSecond/2)
	if err != nil {
		return err
	}
	result.P50Ms, result.P99Ms = api.median(func(d driveResult) float64 { return d.P50Ms }), api.median(func(d driveResult) float64 { return d.P99Ms })
	result.BareP99Ms = bare.median(func(d driveResult) float64 { return d.P99Ms })
	allAfter, hitsAfter := s.CacheReads()
	result.HitRate = float64(hitsAfter-hits) / float64(allAfter-all)
	if c.JSON {
		return json.NewEncoder(t.Out).Encode(result)
	}
	_, err = fmt.Fprintf(t.Out, `%d connections, %d campaigns
read API      %10.0f requests/s, warm
bare handler  %10.0f requests/s, the same bytes
ratio         %10.2f
at half rate  %10.2f ms p50, %.2f ms p99 (bare handler: %.2f ms p99)
hit rate      %10.4f
`, c.Connections, c.Campaigns, result.RequestsPerSecond, result.BareRequestsPerSecond, result.Ratio, result.P50Ms, result.P99Ms, result.BareP99Ms, result.HitRate)
	return err
}

// rounds are the results of the rounds of one side.
type rounds []driveResult

func (r rounds) perSecond(span time.Duration) float64 {
	responses := 0
	for _, one := range r {
		responses += one.Responses
	}
	return float64(responses) / span.Seconds()
}

func (r rounds) median(of func(driveResult) float64) float64 {
	var all []float64
	for _, one := range r {
		all = append(all, of(one))
	}
	return median(all)
}

// measureBoth measures the API and the bare handler in alternation, each at its rate; 0 is as
// fast as it responds.
func (c benchReadCommand) measureBoth(ctx context.Context, load *readLoad, apiRate, bareRate float64) (api, bare rounds, err error) {
	for range benchRounds {
		got, err := load.api.during(c.For/benchRounds, apiRate).spawn(ctx)
		if err != nil {
			return nil, nil, err
		}
		api = append(api, got)
		if got, err = load.bare.during(c.For/benchRounds, bareRate).spawn(ctx); err != nil {
			return nil, nil, err
		}
		bare = append(bare, got)
	}
	return api, bare, nil
}

// start starts a service with all parts embedded, and mints a token for it.
func (c benchReadCommand) start(ctx context.Context, dir string, logger *slog.Logger) (*service.Service, string, error) {
	secret := filepath.Join(dir, "jwt.secret")
	if err := tokens.CreateSecret(secret); err != nil {
		return nil, "", err
	}
	keys, err := tokens.ReadSecrets([]string{secret})
	if err != nil {
		return nil, "", err
	}
	now := time.Now()
	who := auth.Identity{Subject: "bench", Role: auth.Analyst}
	token, err := who.Sign(keys[0], "jangbu", "jangbu", now, now.Add(24*time.Hour))
	if err != nil {
		return nil, "", err
	}
	cfg := service.Embedded(dir)
	cfg.InsecureNoAuth, cfg.JWTSecretFile, cfg.JWTIssuer, cfg.JWTAudience = false, []string{secret}, "jangbu", "jangbu"
	cfg.LogConfig = c.LogConfig
	s, err := service.Start(ctx, cfg, logger)
	return s, token, err
}

// prepare fills in campaigns, waits until they are served, and starts the bare handler.
func (c benchReadCommand) prepare(ctx context.Context, s *service.Service, token string) (*readLoad, error) {
	g, err := synthetic.New(synthetic.Config{Seed: 1, Campaigns: c.Campaigns, Start: time.Now(), Topics: stores.DefaultTopics().Topics()})
	if err != nil {
		return nil, err
	}
	filled, err := c.fill(ctx, s, g)
	if err != nil {
		return nil, err
	}
	for {
		totals, err := s.Totals(ctx)
		if err != nil {
			return nil, err
		}
		if lag, known := s.Lag(totals.Head); known && lag == 0 && int(totals.Head) >= filled {
			break
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	l := &readLoad{token: token}
	var paths []string
	for _, record := range g.Campaigns() {
		paths = append(paths, "/api/events/"+url.PathEscape(string(record.Key))+"/analytics")
	}
	if l.api, err = l.drive(ctx, c.Connections, s.HTTPAddr(), paths); err != nil {
		return nil, err
	}
	return l, l.startBare(ctx)
}

// fill publishes campaigns, what there is to know of them, and a hundred registrations
// for each, and returns how many events these are.
func (c benchReadCommand) fill(ctx context.Context, s *service.Service, g *synthetic.Generator) (n int, err error) {
	producer, err := kafka.NewProducer(s.Kafka())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, producer.Close()) }()
	const batch = 20_000
	registrations := 100 * c.Campaigns
	records := slices.Concat(g.Campaigns(), g.Distributions(), g.Stats(time.Now()))
	for {
		if err := producer.Produce(ctx, records); err != nil {
			return n, err
		}
		n += len(records)
		if registrations == 0 {
			return n, nil
		}
		records = records[:0]
		for range min(batch, registrations) {
			records = append(records, g.Next())
		}
		registrations -= len(records)
	}
}

// readLoad is how the two servers are driven.
type readLoad struct {
	token     string
	api, bare drive
	server    *http.Server
}

// drive returns how the paths of a server are read.
func (l *readLoad) drive(ctx context.Context, connections int, addr string, paths []string) (drive, error) {
	d := drive{Addr: addr, Connections: connections}
	for _, path := range paths {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
		if err != nil {
			return d, fmt.Errorf("read dashboard: %w", err)
		}
		r.Header = http.Header{"Authorization": {"Bearer " + l.token}, "User-Agent": {"jangbu-bench"}}
		var written bytes.Buffer
		if err := r.Write(&written); err != nil {
			return d, fmt.Errorf("read dashboard: %w", err)
		}
		d.Requests = append(d.Requests, written.Bytes())
	}
	return d, nil
}

// during returns d for a duration and a rate; 0 is no bound on the rate.
func (d drive) during(span time.Duration, perSecond float64) drive {
	d.For, d.PerSecond = span, perSecond
	return d
}

// startBare starts a handler that writes the responses that the API gives now.
func (l *readLoad) startBare(ctx context.Context) error {
	type response struct {
		header http.Header
		body   []byte
	}
	responses := make([]response, len(l.api.Requests))
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := dialHTTP(asking, l.api.Addr)
	if err != nil {
		return err
	}
	var paths []string
	for i, request := range l.api.Requests {
		var body bytes.Buffer
		header, err := conn.get(request, &body)
		if err != nil {
			return err
		}
		header.Del("Date")
		responses[i] = response{header, body.Bytes()}
		paths = append(paths, "/?"+strconv.Itoa(i))
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start bare handler: %w", err)
	}
	l.server = &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, _ := strconv.Atoi(r.URL.RawQuery)
		a := responses[i%len(responses)]
		maps.Copy(w.Header(), a.header)
		_, _ = w.Write(a.body)
	})}
	go func() { _ = l.server.Serve(listener) }() // ends with close
	l.bare, err = l.drive(ctx, l.api.Connections, listener.Addr().String(), paths)
	return err
}

func (l *readLoad) close() {
	if l.server != nil {
		_ = l.server.Close()
	}
}
