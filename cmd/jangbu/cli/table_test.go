package cli

import (
	"bytes"
	"strings"
	"testing"
)

// TestTableIsHarmless holds that text from outside controls no terminal.
func TestTableIsHarmless(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	Table{Head: []string{"title"}, Lines: [][]string{{"개업\x1b[2J\a \u202etxt"}}, Texts: 1}.Print(Terminal{Out: &out})
	if strings.ContainsAny(out.String(), "\x1b\a\u202e") || !strings.Contains(out.String(), "개업\ufffd[2J\ufffd \ufffdtxt") {
		t.Errorf("printed %q", out.String())
	}
}
