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

// driveCommand is the clients of `jangbu bench read`, in a process of their own: in
// that of the servers they would wait for each other in the queues of one scheduler,
// which looks for what has arrived only once it has nothing else to do.
type driveCommand struct{}

// drive says whom to ask what, as JSON on standard input.
type drive struct {
	Addr        string
	Requests    [][]byte // as they are written to a connection
	Connections int
	For         time.Duration
	// PerSecond is how many to ask at even intervals; 0: as many as are answered.
	PerSecond float64
}

// driven is what came of it, as JSON on standard output.
type driven struct {
	Answers      int
	P50Ms, P99Ms float64 // from when a request was written until its answer was read
}

// Run asks.
func (driveCommand) Run(ctx context.Context, t cli.Terminal) error {
	var d drive
	if err := json.NewDecoder(os.Stdin).Decode(&d); err != nil {
		return fmt.Errorf("%w: what to ask: %w", cli.ErrUsage, err)
	}
	// Where it naps the pacer has one of these to itself.
	runtime.GOMAXPROCS(4 * runtime.GOMAXPROCS(0))
	result, err := d.run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(t.Out).Encode(result)
}

// away has a process of its own do it.
func (d drive) away(ctx context.Context) (result driven, err error) {
	program, err := os.Executable()
	if err != nil {
		return result, fmt.Errorf("start driver: %w", err)
	}
	asked, err := json.Marshal(d)
	if err != nil {
		return result, fmt.Errorf("start driver: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "bench", "drive")
	var complaint strings.Builder
	cmd.Stdin, cmd.Stderr = bytes.NewReader(asked), &complaint
	answer, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return result, ctx.Err()
	case err != nil:
		return result, fmt.Errorf("drive: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return result, fmt.Errorf("drive: %w", err)
	}
	return result, nil
}

// run asks over all connections until the time is over.
func (d drive) run(ctx context.Context) (driven, error) {
	ctx, cancel := context.WithTimeout(ctx, d.For)
	defer cancel()
	var connections sync.WaitGroup
	var turns chan struct{} // nil: nobody waits
	if d.PerSecond > 0 {
		turns = make(chan struct{}, d.Connections)
		connections.Go(func() { d.pace(ctx, turns) })
	}
	var asked atomic.Int64
	took, failed := make([][]time.Duration, d.Connections), make(chan error, d.Connections)
	for i := range d.Connections {
		connections.Go(func() {
			conn, err := dialHTTP(ctx, d.Addr)
			for err == nil && ctx.Err() == nil {
				if turns != nil {
					<-turns
				}
				start := time.Now()
				if _, err = conn.ask(d.Requests[int(asked.Add(1))%len(d.Requests)], io.Discard); err == nil {
					took[i] = append(took[i], time.Since(start))
				}
			}
			// Else it was cut off; who connects may see so a moment before.
			if ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
				failed <- err
			}
		})
	}
	connections.Wait()
	select {
	case err := <-failed:
		return driven{}, err
	default:
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	return driven{Answers: len(all), P50Ms: percentile(all, 50), P99Ms: percentile(all, 99)}, nil
}

// pace gives turns at even intervals until ctx ends, and then no end of them. Once
// it is late by more than some intervals, it goes on from there.
func (d drive) pace(ctx context.Context, turns chan struct{}) {
	defer close(turns)
	interval := time.Duration(float64(time.Second) / d.PerSecond)
	for due := time.Now(); ctx.Err() == nil; due = due.Add(interval) {
		pause(time.Until(due))
		if late := time.Since(due); late > 10*interval {
			due = due.Add(late)
		}
		select {
		case turns <- struct{}{}:
		default:
		}
	}
}

// percentile returns it of what is sorted, in milliseconds.
func percentile(sorted []time.Duration, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := int(math.Ceil(p/100*float64(len(sorted)))) - 1
	return float64(sorted[max(at, 0)].Microseconds()) / 1000
}

// connection asks one thing after the other. A client of net/http would cost more
// than the servers do.
type connection struct {
	net.Conn
	answers *bufio.Reader
}

// dialHTTP connects until ctx ends.
func dialHTTP(ctx context.Context, addr string) (*connection, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
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
