package simulator

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// gate is the listener of one server, and keeps the fault that is ordered of it.
//
// A connection serves under one order only, that in force when it was let in.
// A new order closes it, at once or after the request whose head had arrived by
// then, so that no call finds a kept connection to a server that has since got
// another certificate, or none.
type gate struct {
	*net.TCPListener

	mu      sync.Mutex
	changed sync.Cond // fault, closed or conns
	fault   Fault
	closed  bool
	conns   map[*conn]struct{}
	calls   int64
}

// conn is a connection below TLS.
type conn struct {
	*net.TCPConn

	fault Fault
	// over says that an order has come since, and busy that a request is being
	// answered that came before it. Both are guarded by the gate.
	over, busy bool
}

func newGate(l *net.TCPListener) *gate {
	g := &gate{TCPListener: l, conns: map[*conn]struct{}{}}
	g.changed.L = &g.mu
	return g
}

// Accept implements [net.Listener]. Under [SlowAccept] it holds one connection
// and leaves the others to the kernel.
func (g *gate) Accept() (net.Conn, error) {
	accepted, err := g.AcceptTCP()
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.fault == SlowAccept && !g.closed {
		g.changed.Wait()
	}
	if g.closed {
		_ = accepted.Close()
		return nil, net.ErrClosed
	}
	c := &conn{TCPConn: accepted, fault: g.fault}
	g.conns[c] = struct{}{}
	return c, nil
}

// Close implements [net.Listener]. It takes the connections along, below TLS:
// nobody's farewell is waited for.
func (g *gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	for c := range g.conns {
		_ = c.Close()
	}
	g.changed.Broadcast()
	return g.TCPListener.Close()
}

// drain waits until no connection is left of a gate that has been closed.
func (g *gate) drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.conns) > 0 {
		g.changed.Wait()
	}
}

func (g *gate) order(f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = f
	for c := range g.conns {
		c.over = true
		if !c.busy {
			_ = c.Close()
		}
	}
	g.changed.Broadcast()
}

func (g *gate) ordered() Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fault
}

// connState is the server's [http.Server.ConnState]. A server calls it with
// StateActive when it has read a request's head.
func (g *gate) connState(nc net.Conn, state http.ConnState) {
	c := below(nc)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch state {
	case http.StateActive:
		c.busy = !c.over
	case http.StateIdle:
		c.busy = false
		if c.over {
			_ = c.Close()
		}
	case http.StateClosed:
		g.remove(c)
	default: // a new one is known, and a hijacked one is removed by who has it
	}
}

// begin counts a request. It returns false for one that must not be answered:
// it came over a connection after that had been closed, from some buffer.
func (g *gate) begin(c *conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !c.busy {
		return false
	}
	g.calls++
	return true
}

func (g *gate) open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.conns)
}

func (g *gate) count() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls
}

// end closes a hijacked connection.
func (g *gate) end(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = c.Close()
	g.remove(c)
}

func (g *gate) remove(c *conn) {
	delete(g.conns, c)
	g.changed.Broadcast()
}

// below returns the connection below TLS.
func below(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	return nc.(*conn)
}
