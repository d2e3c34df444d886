package simulator

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// gate is the listener of one server, and has the fault that was ordered.
//
// A connection serves under one order only, the one in force when it was accepted. A new
// order closes it, at once or after the request whose head had arrived, so that no call
// reuses a connection to a server that has another certificate by then, or none.
type gate struct {
	*net.TCPListener

	// mu guards what follows and the flags of each conn.
	mu      sync.Mutex
	changed sync.Cond // signals a change of fault, closed or conns
	fault   Fault
	closed  bool
	conns   map[*conn]struct{}
	calls   int64
}

// conn is a connection below TLS.
type conn struct {
	*net.TCPConn

	fault Fault
	// over says that a later order closes the connection, and busy that it is
	// answering a request. The gate's mu guards both.
	over, busy bool
}

func newGate(l *net.TCPListener) *gate {
	g := &gate{TCPListener: l, conns: map[*conn]struct{}{}}
	g.changed.L = &g.mu
	return g
}

// Accept implements [net.Listener]. Under [SlowAccept] it withholds one connection and
// leaves the others to the kernel.
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

// Close implements [net.Listener]. It also closes the connections, below TLS, so it waits
// for no peer.
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

// drain waits until a closed gate has no connection left.
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

// connState implements [http.Server.ConnState]. The server calls it with StateActive when
// it has read a request's head.
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
	default: // Accept adds a new one, and end removes a hijacked one
	}
}

// begin counts a request. It returns false for one that must not be answered, because it
// was buffered when its connection was closed.
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
