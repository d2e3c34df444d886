package services

import (
	"os"
	"path/filepath"
	"testing"
)

// Redis returns the program of a Redis server.
func Redis(t testing.TB) string {
	t.Helper()
	return service(t, "JANGBU_TEST_REDIS_SERVER", "WITH REDIS")
}

// Nginx returns the program of nginx.
func Nginx(t testing.TB) string {
	t.Helper()
	return service(t, "JANGBU_TEST_NGINX", "BEHIND NGINX")
}

// Prometheus returns the programs of Prometheus and, beside it, of promtool.
func Prometheus(t testing.TB) (prometheus, promtool string) {
	t.Helper()
	prometheus = service(t, "JANGBU_TEST_PROMETHEUS", "WITH PROMETHEUS")
	return prometheus, filepath.Join(filepath.Dir(prometheus), "promtool")
}

// Chromium returns the program of a browser.
func Chromium(t testing.TB) string {
	t.Helper()
	return service(t, "JANGBU_TEST_CHROMIUM", "IN A BROWSER")
}

// Python returns the program of Python 3.
func Python(t testing.TB) string {
	t.Helper()
	return service(t, "JANGBU_TEST_PYTHON", "WITH PYTHON")
}

// DuckDB returns the program of DuckDB.
func DuckDB(t testing.TB) string {
	t.Helper()
	return service(t, "JANGBU_TEST_DUCKDB", "WITH DUCKDB")
}

// service returns the variable's value. Where it is empty, service skips the test, or
// fails it under CI=true, with a message that says what is not tested.
func service(t testing.TB, variable, untested string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value != "" {
		return value
	}
	missing := "NOT TESTED " + untested + ": " + variable + " is empty. Run ./scripts/test, which finds or installs what tests need."
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}
