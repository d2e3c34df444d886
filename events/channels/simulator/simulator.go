package simulator

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Config configures a [Simulator].
type Config struct {
	// Key is the key that callers must send, as X-API-Key or as a bearer token. An
	// empty key refuses every call.
	Key string
	// Now returns the time of figures and dates. Nil means [time.Now].
	Now func() time.Time
	// Since is when the figures began to grow.
	Since time.Time
	// Figure returns a figure of a campaign at a time, as channel and figure:
	// "naver/views". It is false where the simulator is to make one up. Nil: everywhere.
	Figure func(campaign, name string, at time.Time) (int64, bool)
	// Latency delays a good answer.
	Latency time.Duration
	// Logger logs errors of connections, at debug. Nil disables logging.
	Logger *slog.Logger
}

// Simulator is the three running APIs. It is safe for concurrent use; its fields do not
// change after [Start]. Its methods panic for an API or a fault that does not exist.
type Simulator struct {
	certificates *certificates
	channels     map[API]*channel
	controlled   *gate
	servers      []*server
	close        func() error
}

// Start runs the APIs and their control until [Simulator.Close]; ctx bounds the start only.
func Start(ctx context.Context, cfg Config) (*Simulator, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Simulator{channels: map[API]*channel{}}
	s.close = sync.OnceValue(s.stop)
	if err := s.start(ctx, cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("start simulated channels: %w", err), s.Close())
	}
	return s, nil
}

func (s *Simulator) start(ctx context.Context, cfg Config) error {
	var err error
	if s.certificates, err = newCertificates(time.Now()); err != nil {
		return err
	}
	for _, a := range APIs() {
		g, err := listen(ctx)
		if err != nil {
			return err
		}
		s.channels[a] = newChannel(a, cfg, g)
		// Faults have no time limit, so requests and answers have none.
		h := &http.Server{Handler: s.channels[a]}
		logger := cfg.Logger.With(slog.String("api", string(a)))
		s.servers = append(s.servers, serve(ctx, g, h, s.certificates.config(), logger))
	}
	if s.controlled, err = listen(ctx); err != nil {
		return err
	}
	h := &http.Server{Handler: s.control(), ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	s.servers = append(s.servers, serve(ctx, s.controlled, h, nil, cfg.Logger))
	return nil
}

// Close stops all servers and calls, those that hang included, and waits for them. A
// second Close only returns the error of the first.
func (s *Simulator) Close() error { return s.close() }

func (s *Simulator) stop() error {
	var all []error
	for _, server := range slices.Backward(s.servers) {
		all = append(all, server.close())
	}
	return errors.Join(all...)
}

// URL returns the base URL of an API, without a path.
func (s *Simulator) URL(a API) string {
	return "https://" + s.channel(a).gate.Addr().String()
}

// ControlURL returns the base URL of the control, without a path.
func (s *Simulator) ControlURL() string {
	return "http://" + s.controlled.Addr().String()
}

// Roots returns the authority that signed the certificates of the APIs.
func (s *Simulator) Roots() *x509.CertPool { return s.certificates.roots.Clone() }

// RootsPEM returns the same authority in PEM, for other processes.
func (s *Simulator) RootsPEM() []byte { return slices.Clone(s.certificates.rootsPEM) }

// Order gives an API the fault f from now on; "" ends it. A call whose head has arrived
// is answered as before. Connections without such a call are closed, so all later calls
// meet f.
func (s *Simulator) Order(a API, f Fault) {
	if !f.known() {
		panic(fmt.Sprintf("simulator: there is no fault %q", f))
	}
	s.channel(a).gate.order(f)
}

// Ordered returns the fault that an API has.
func (s *Simulator) Ordered(a API) Fault { return s.channel(a).gate.ordered() }

// Calls returns the number of requests to an API whose head has arrived, refused ones
// included.
func (s *Simulator) Calls(a API) int64 { return s.channel(a).gate.count() }

// CallsFor returns how many of [Simulator.Calls] asked for a campaign's figures.
func (s *Simulator) CallsFor(a API, campaign string) int64 { return s.channel(a).callsFor(campaign) }

// Connections returns the number of open connections to an API.
func (s *Simulator) Connections(a API) int { return s.channel(a).gate.open() }

// Followed returns the number of calls that followed a redirect of any API.
func (s *Simulator) Followed() int64 {
	var n int64
	for _, c := range s.channels {
		n += c.followed.Load()
	}
	return n
}

func (s *Simulator) channel(a API) *channel {
	c, ok := s.channels[a]
	if !ok {
		panic(fmt.Sprintf("simulator: there is no API %q", a))
	}
	return c
}
