package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"jangbu/cmd/jangbu/cli"
)

// driveCommand runs the clients of `jangbu bench read` in a process of their own. In the
// process of the servers, clients and servers would share one scheduler, which polls the
// network only when it has nothing else to run.
type driveCommand struct{}

// drive is what the clients do, as JSON on standard input.
type drive struct {
	Addr        string
	Requests    [][]byte // as they are written to a connection, one after another
	Connections int
	For         time.Duration
	// PerSecond is the rate, at even intervals; 0 is as fast as the server responds.
	PerSecond float64
}

// driveResult is the result, as JSON on standard output.
type driveResult struct {
	Responses    int
	P50Ms, P99Ms float64 // from the write of a request to the end of its response
}

// Run runs the clients.
func (driveCommand) Run(ctx context.Context, t cli.Terminal) error {
	var d drive
	if err := json.NewDecoder(os.Stdin).Decode(&d); err != nil {
		return fmt.Errorf("%w: standard input: %w", cli.ErrUsage, err)
	}
	// The pacer takes one of these while it pauses.
	runtime.GOMAXPROCS(4 * runtime.GOMAXPROCS(0))
	result, err := d.run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(t.Out).Encode(result)
}

// spawn runs d in a process of its own.
func (d drive) spawn(ctx context.Context) (result driveResult, err error) {
	program, err := os.Executable()
	if err != nil {
		return result, fmt.Errorf("start driver: %w", err)
	}
	input, err := json.Marshal(d)
	if err != nil {
		return result, fmt.Errorf("start driver: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "bench", "drive")
	var complaint strings.Builder
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &complaint
	response, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return result, ctx.Err()
	case err != nil:
		return result, fmt.Errorf("drive: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	if err := json.Unmarshal(response, &result); err != nil {
		return result, fmt.Errorf("drive: %w", err)
	}
	return result, nil
}

// run sends requests over all connections until the time is over.
func (d drive) run(ctx context.Context) (driveResult, error) {
	ctx, cancel := context.WithTimeout(ctx, d.For)
	defer cancel()
	var connections sync.WaitGroup
	var ticks chan struct{} // nil: as fast as the server responds
	if d.PerSecond > 0 {
		ticks = make(chan struct{}, d.Connections)
		connections.Go(func() { d.pace(ctx, ticks) })
	}
	var sent atomic.Int64
	took, failed := make([][]time.Duration, d.Connections), make(chan error, d.Connections)
	for i := range d.Connections {
		connections.Go(func() {
			conn, err := dialHTTP(ctx, d.Addr)
			for err == nil && ctx.Err() == nil {
				if ticks != nil {
					<-ticks
				}
				start := time.Now()
				if _, err = conn.get(d.Requests[int(sent.Add(1))%len(d.Requests)], io.Discard); err == nil {
					took[i] = append(took[i], time.Since(start))
				}
			}
			// At the end of the time connections are cut off, which is no failure; a dial
			// may see its deadline a moment before ctx ends.
			if ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
				failed <- err
			}
		})
	}
	connections.Wait()
	select {
	case err := <-failed:
		return driveResult{}, err
	default:
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	return driveResult{Responses: len(all), P50Ms: percentile(all, 50), P99Ms: percentile(all, 99)}, nil
}

// pace sends ticks at even intervals until ctx ends, and then closes the channel. It skips
// what it is late by, beyond 10 intervals.
func (d drive) pace(ctx context.Context, ticks chan struct{}) {
	defer close(ticks)
	interval := time.Duration(float64(time.Second) / d.PerSecond)
	for due := time.Now(); ctx.Err() == nil; due = due.Add(interval) {
		pause(time.Until(due))
		if late := time.Since(due); late > 10*interval {
			due = due.Add(late)
		}
		select {
		case ticks <- struct{}{}:
		default:
		}
	}
}

// percentile returns a percentile of sorted durations, in milliseconds.
func percentile(sorted []time.Duration, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := int(math.Ceil(p/100*float64(len(sorted)))) - 1
	return float64(sorted[max(at, 0)].Microseconds()) / 1000
}

// connection sends one request after the other. A client of net/http would cost more than
// the servers do.
type connection struct {
	net.Conn
	responses *bufio.Reader
}

// dialHTTP opens a connection that ctx closes when it ends.
func dialHTTP(ctx context.Context, addr string) (*connection, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("read dashboard: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return &connection{conn, bufio.NewReaderSize(conn, 32<<10)}, nil
}

// get sends a request, copies the body of the response to a writer and returns its header.
func (c *connection) get(request []byte, body io.Writer) (http.Header, error) {
	if _, err := c.Write(request); err != nil {
		return nil, fmt.Errorf("read dashboard: %w", err)
	}
	res, err := http.ReadResponse(c.responses, nil)
	if err != nil {
		return nil, fmt.Errorf("read dashboard: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", res.StatusCode)
	}
	_, readErr := io.Copy(body, res.Body)
	if err := errors.Join(err, readErr, res.Body.Close()); err != nil {
		return nil, fmt.Errorf("read dashboard: %w", err)
	}
	return res.Header, nil
}
