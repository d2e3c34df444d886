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
	// Key is what callers must present, as X-API-Key or as a bearer token. No
	// call is let in while it is empty.
	Key string
	// Now tells the time that figures and dates are made of. Nil: [time.Now].
	Now func() time.Time
	// Since is when the figures began to grow.
	Since time.Time
	// Latency is how long a good answer takes. 0: it comes at once.
	Latency time.Duration
	// Logger gets what goes wrong with connections, at debug. Nil: nobody does.
	Logger *slog.Logger
}

// Simulator is the three APIs, running. It is safe for concurrent use. Its
// methods panic for an API or a fault that there is not.
type Simulator struct {
	certificates *certificates
	channels     map[API]*channel
	controlled   *gate
	servers      []*server
	close        func() error
}

// Start runs the APIs and their control until Close; ctx bounds the start only.
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
		// Neither a whole request nor an answer has a time limit: faults have none.
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

// Close stops everything at once, calls that hang included, and waits for it.
// Close again does nothing and returns the same.
func (s *Simulator) Close() error { return s.close() }

func (s *Simulator) stop() error {
	var all []error
	for _, server := range slices.Backward(s.servers) {
		all = append(all, server.close())
	}
	return errors.Join(all...)
}

// URL is where an API listens, without a path.
func (s *Simulator) URL(a API) string {
	return "https://" + s.channel(a).gate.Addr().String()
}

// ControlURL is where faults are ordered over HTTP, without a path.
func (s *Simulator) ControlURL() string {
	return "http://" + s.controlled.Addr().String()
}

// Roots returns the authority that signed the certificates of the APIs.
func (s *Simulator) Roots() *x509.CertPool { return s.certificates.roots.Clone() }

// RootsPEM is the same as a file, for other processes.
func (s *Simulator) RootsPEM() []byte { return slices.Clone(s.certificates.rootsPEM) }

// Order makes an API do f from now on; "" ends it. A call whose head has arrived
// goes on as it was. All others find the API as it is ordered now, for
// connections without such a call are closed.
func (s *Simulator) Order(a API, f Fault) {
	if !f.known() {
		panic(fmt.Sprintf("simulator: there is no fault %q", f))
	}
	s.channel(a).gate.order(f)
}

// Ordered returns what an API has been ordered to do wrong.
func (s *Simulator) Ordered(a API) Fault { return s.channel(a).gate.ordered() }

// Calls counts the requests to an API whose head has arrived, refused ones
// included.
func (s *Simulator) Calls(a API) int64 { return s.channel(a).gate.count() }

// CallsFor counts those of [Simulator.Calls] that asked for a campaign's figures.
func (s *Simulator) CallsFor(a API, campaign string) int64 { return s.channel(a).callsFor(campaign) }

// Connections counts the connections to an API that are open now: a client that
// has closed its own leaves none.
func (s *Simulator) Connections(a API) int { return s.channel(a).gate.open() }

// Followed counts the calls that came by a redirect of any API.
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
