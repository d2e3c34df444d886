package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestTableIsHarmless: a terminal is not told what to do by what somebody typed.
func TestTableIsHarmless(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	report{head: []string{"title"}, lines: [][]string{{"개업\x1b[2J\a \u202etxt"}}, texts: 1}.print(terminal{out: &out})
	if strings.ContainsAny(out.String(), "\x1b\a\u202e") || !strings.Contains(out.String(), "개업\ufffd[2J\ufffd \ufffdtxt") {
		t.Errorf("printed %q", out.String())
	}
}
