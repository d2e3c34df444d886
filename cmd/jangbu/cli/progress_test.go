package cli

import (
	"bytes"
	"testing"
	"time"
)

// TestProgressLines: where there is no terminal, a line a second and no more.
func TestProgressLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := Progress{Terminal: Terminal{Err: &out}, Verb: "folded", Total: 3000}
	p.At(1000)
	p.At(1500) // at once
	if out.Len() > 0 {
		t.Errorf("said %q before a second was over", &out)
	}
	p.told = time.Now().Add(-2 * time.Second)
	p.At(2000)
	p.At(2500)
	p.End()
	if got, want := out.String(), "folded through position 2000 of 3000, 500/s, 2s left\n"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}

	out.Reset()
	p = Progress{Terminal: Terminal{Err: &out}, Verb: "compared", Unit: "campaign", Total: 30, told: time.Now().Add(-time.Second)}
	p.At(30)
	if got, want := out.String(), "compared campaign 30 of 30, 30/s, 0s left\n"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}

	out.Reset()
	quiet := Terminal{Err: &out, quiet: true}
	p = Progress{Terminal: quiet, Verb: "folded", Total: 30, told: time.Now().Add(-time.Second)}
	p.At(30)
	quiet.Notef("waiting")
	quiet.Warnf("wrong")
	if got, want := out.String(), "wrong\n"; got != want {
		t.Errorf("with --quiet it said %q, want %q", got, want)
	}
}
