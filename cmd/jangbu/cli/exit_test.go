package cli

import "testing"

// TestExitCodes compares the table with the design's.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	const want = "Exit codes: 0 done, 1 failed, 2 usage, 3 nothing found, 4 check failed, 130 interrupted."
	if got := ExitCodesHelp(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
