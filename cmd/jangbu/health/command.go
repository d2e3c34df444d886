package health

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"jangbu/cmd/jangbu/cli"
)

const (
	// answerTimeout bounds how long a process is waited for, which asks its parts itself.
	answerTimeout = 10 * time.Second
	// maxAnswer bounds the answer, in bytes.
	maxAnswer = 1 << 20
)

// Command asks a process whether it is ready.
type Command struct {
	cli.ZoneConfig
	AdminURL  string `placeholder:"URL" help:"Where the process serves metrics and health, as in http://127.0.0.1:8081. Without it, at --admin-addr on this machine."`
	AdminAddr string `env:"JANGBU_ADMIN_ADDR" default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"The --admin-addr that the process was started with (${default})."`
	JSON      bool   `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (Command) Help() string {
	return `Asks a running process for /readyz, and prints each part of it: whether it does what it is for,
since when it does not, and why. It is the health check of the image.

Exits with 4 if a part is not ready, with 1 if no process answers.

Examples:
  jangbu health
  jangbu health --admin-url http://10.0.0.7:8081
  jangbu health --json`
}

// readiness is what /readyz answers.
type readiness struct {
	Ready bool        `json:"ready"`
	Parts []partState `json:"parts"`
}

type partState struct {
	Name  string     `json:"name"`
	Ready bool       `json:"ready"`
	Since *time.Time `json:"since,omitempty"`
	Error string     `json:"error,omitempty"`
	Note  string     `json:"note,omitempty"`
}

// Run asks.
func (c Command) Run(ctx context.Context, t cli.Terminal) error {
	at, err := c.at()
	if err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	times, err := c.Times()
	if err != nil {
		return err
	}
	answer, err := ask(ctx, at)
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(t.Out).Encode(answer)
	} else {
		answer.print(t, times)
	}
	if err != nil || answer.Ready {
		return err
	}
	for _, p := range answer.Parts {
		if !p.Ready {
			return fmt.Errorf("%w: %s is not ready: %s", cli.ErrCheckFailed, p.Name, p.Error)
		}
	}
	return fmt.Errorf("%w: the process is not ready", cli.ErrCheckFailed)
}

// at returns the URL of /readyz.
func (c Command) at() (string, error) {
	if c.AdminURL == "" {
		host, port, err := net.SplitHostPort(c.AdminAddr)
		if err != nil {
			return "", fmt.Errorf("--admin-addr: expected HOST:PORT, as in 127.0.0.1:8081")
		}
		if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
			host = "127.0.0.1" // it listens on every address
		}
		return "http://" + net.JoinHostPort(host, port) + "/readyz", nil
	}
	u, err := url.Parse(c.AdminURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("--admin-url: expected http://HOST:PORT, as in http://127.0.0.1:8081")
	}
	return u.JoinPath("readyz").String(), nil
}

// ask returns the answer of a process.
func ask(ctx context.Context, at string) (answer readiness, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return answer, fmt.Errorf("ask for health: %w", err)
	}
	// A proxy would be asked whether the proxy is there.
	client := http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return answer, fmt.Errorf("ask for health: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
		return answer, fmt.Errorf("ask for health: %s answers %s", at, res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&answer); err != nil || len(answer.Parts) == 0 {
		return answer, fmt.Errorf("ask for health: %s does not answer as jangbu does", at)
	}
	if answer.Ready != (res.StatusCode == http.StatusOK) {
		return answer, fmt.Errorf("ask for health: %s answers %s", at, res.Status)
	}
	return answer, nil
}

func (r readiness) print(t cli.Terminal, times cli.Times) {
	out := cli.Table{Head: []string{"part", "ready", "since", ""}, Texts: 4}
	for _, p := range r.Parts {
		ready, since := "yes", ""
		if !p.Ready {
			ready = "no"
		}
		if p.Since != nil {
			since = times.Format(*p.Since)
		}
		out.Lines = append(out.Lines, []string{p.Name, ready, since, p.Error + p.Note})
	}
	out.Print(t)
}
