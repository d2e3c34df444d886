package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// balancer gives each new connection to a process that says that it is ready, one after the other. It
// is safe for concurrent use.
type balancer struct {
	mu    sync.Mutex
	ready map[string]bool // by address; guarded by mu
	last  string          // guarded by mu; the address of the last connection
}

// add has the balancer ask a process whether it is ready, until end is called.
func (b *balancer) add(t *testing.T, p *program) (end func()) {
	api, err := url.Parse(p.api)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var working sync.WaitGroup
	working.Go(func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			// One that does not answer in time is no less ready: a process that ends says so before.
			if res, err := client.Get(strings.TrimSuffix(p.admin, "/metrics") + "/readyz"); err == nil {
				b.note(api.Host, res.StatusCode == http.StatusOK)
				_ = res.Body.Close()
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	return func() { cancel(); working.Wait() }
}

func (b *balancer) note(address string, ready bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ready == nil {
		b.ready = make(map[string]bool)
	}
	if delete(b.ready, address); ready {
		b.ready[address] = true
	}
}

// lacks says that fewer processes are ready than are wanted.
func (b *balancer) lacks(want int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) < want {
		return fmt.Sprintf("%d of %d processes are ready", len(b.ready), want)
	}
	return ""
}

// dial connects to the next process that is ready.
func (b *balancer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	address, err := b.next()
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func (b *balancer) next() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ready := slices.Sorted(maps.Keys(b.ready))
	if len(ready) == 0 {
		return "", errors.New("no process is ready")
	}
	i := slices.IndexFunc(ready, func(address string) bool { return address > b.last })
	b.last = ready[max(i, 0)]
	return b.last, nil
}
