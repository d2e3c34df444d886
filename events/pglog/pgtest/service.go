package pgtest

import (
	"os"
	"testing"
)

// Service returns what scripts/services has put into a variable: where a server is, or
// which program to start. Where that is nothing the test is skipped, and says what it
// did not try; under CI=true it fails instead.
func Service(t testing.TB, variable, untried string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value != "" {
		return value
	}
	missing := "NOT TESTED " + untried + ": " + variable + " is empty. Run ./scripts/test, which finds or installs what tests need."
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}
