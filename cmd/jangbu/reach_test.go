package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestReach holds the walls between the rooms over everything that a package
// reaches, which a linter that looks at single imports can't see.
func TestReach(t *testing.T) {
	t.Parallel()
	walls := []struct {
		pkg   string
		never []string
	}{
		{"jangbu/events", []string{"jangbu/", "net/http", "database/sql"}},
		{"jangbu/readmodel", []string{"jangbu/projections", "jangbu/httpapi", "net/http", "database/sql"}},
		{"jangbu/readmodel/dashboard", []string{"jangbu/projections", "jangbu/httpapi", "net/http", "database/sql"}},
		{"jangbu/readmodel/lease", []string{"net/http", "database/sql", "jangbu/readmodel/", "jangbu/projections", "jangbu/events/"}},
		{"jangbu/projections", []string{"net/http", "database/sql", "jangbu/readmodel/", "jangbu/httpapi"}},
		{"jangbu/projections/runner", []string{"net/http", "database/sql", "jangbu/events/", "jangbu/readmodel/pgrows", "jangbu/readmodel/sqliterows", "jangbu/readmodel/cache", "jangbu/readmodel/dashboard", "github.com/jackc", "modernc.org"}},
		{"jangbu/projections/replay", []string{"net/http", "database/sql", "jangbu/events/", "jangbu/readmodel/", "jangbu/projections/runner", "github.com/jackc", "modernc.org"}},
		{"jangbu/httpapi", []string{"database/sql", "jangbu/events/", "jangbu/readmodel/pgrows", "jangbu/readmodel/sqliterows", "jangbu/readmodel/cache", "jangbu/projections", "github.com/jackc", "modernc.org"}},
		{"jangbu/httpapi/auth", []string{"database/sql", "jangbu/events/", "jangbu/readmodel/", "jangbu/projections"}},
		{"jangbu/httpapi/accesslog", []string{"database/sql", "jangbu/readmodel/pgrows", "jangbu/readmodel/sqliterows", "jangbu/readmodel/cache", "jangbu/projections"}},
		{"jangbu/httpapi/dashboard", []string{"jangbu/events", "jangbu/readmodel", "jangbu/projections"}},
		{"jangbu/events/bus", []string{"database/sql", "jangbu/readmodel", "jangbu/events/pglog", "jangbu/events/sqlitelog", "github.com/IBM/sarama"}},
		{"jangbu/events/bus/kafka", []string{"database/sql", "jangbu/readmodel", "jangbu/events/pglog", "jangbu/events/sqlitelog"}},
		{"jangbu/events/channels", []string{"net/http", "database/sql", "jangbu/events/", "jangbu/readmodel"}},
		{"jangbu/events/channels/api", []string{"database/sql", "jangbu/events/bus", "jangbu/readmodel"}},
		{"jangbu/events/segments", []string{"jangbu/events/", "jangbu/readmodel", "net/http", "database/sql"}},
		{"jangbu/events/pglog/schema", []string{"jangbu/readmodel", "jangbu/events/sqlitelog", "jangbu/events/pglog/", "modernc.org"}},
		{"jangbu/events/sqlitelog/schema", []string{"jangbu/readmodel", "jangbu/events/pglog", "jangbu/events/sqlitelog/", "github.com/jackc"}},
		{"jangbu/events/postgres", []string{"jangbu/", "net/http"}},
		{"jangbu/events/pglog", []string{"jangbu/readmodel", "jangbu/events/sqlitelog", "modernc.org"}},
		{"jangbu/events/sqlitelog", []string{"jangbu/readmodel", "jangbu/events/pglog", "github.com/jackc"}},
		// Brotli, a compression of Parquet's, has a helper for HTTP servers: so not net/http.
		{"jangbu/events/archive", []string{"database/sql", "jangbu/readmodel", "jangbu/events/pglog", "jangbu/events/sqlitelog"}},
		{"jangbu/events/backup", []string{"database/sql", "jangbu/readmodel", "jangbu/events/pglog", "jangbu/events/sqlitelog", "jangbu/events/privacy"}},
		{"jangbu/events/pglog/beside", []string{"jangbu/readmodel", "jangbu/events/pglog/", "jangbu/events/sqlitelog"}},
		{"jangbu/events/sqlitelog/beside", []string{"jangbu/readmodel", "jangbu/events/pglog", "jangbu/events/sqlitelog/"}},
		{"jangbu/readmodel/pgrows", []string{"jangbu/readmodel/dashboard", "jangbu/projections", "jangbu/httpapi", "modernc.org"}},
		{"jangbu/readmodel/sqliterows", []string{"jangbu/readmodel/dashboard", "jangbu/projections", "jangbu/httpapi", "github.com/jackc"}},
		{"jangbu/readmodel/cache", []string{"net/http", "database/sql", "jangbu/readmodel/cache/redis", "jangbu/readmodel/pgrows", "jangbu/readmodel/sqliterows", "jangbu/readmodel/dashboard", "jangbu/projections", "jangbu/httpapi", "github.com/redis"}},
		{"jangbu/readmodel/cache/redis", []string{"database/sql", "jangbu/readmodel/pgrows", "jangbu/readmodel/sqliterows", "jangbu/readmodel/dashboard", "jangbu/projections", "jangbu/httpapi", "github.com/jackc", "modernc.org"}},
		{"jangbu/cmd/jangbu/cli", []string{"jangbu/", "net/http", "database/sql"}},
		{"jangbu/cmd/jangbu/stores", []string{"jangbu/cmd/jangbu/service", "jangbu/cmd/jangbu/operate", "jangbu/httpapi", "jangbu/events/bus", "jangbu/readmodel/cache", "github.com/redis"}},
		{"jangbu/cmd/jangbu/tracing", []string{"jangbu/cmd/jangbu/service", "jangbu/cmd/jangbu/stores", "jangbu/events/", "jangbu/httpapi", "jangbu/projections", "jangbu/readmodel/"}},
		{"jangbu/cmd/jangbu/health", []string{"jangbu/cmd/jangbu/service", "jangbu/cmd/jangbu/operate", "jangbu/events/pglog", "jangbu/events/sqlitelog", "jangbu/readmodel/pgrows", "jangbu/readmodel/sqliterows", "github.com/jackc", "modernc.org"}},
		{"jangbu/cmd/jangbu/service", []string{"jangbu/cmd/jangbu/operate", "jangbu/cmd/jangbu/traffic", "jangbu/cmd/jangbu/bench", "jangbu/events/synthetic", "jangbu/events/channels/simulator"}},
		{"jangbu/cmd/jangbu/tokens", []string{"jangbu/cmd/jangbu/service", "jangbu/cmd/jangbu/operate", "jangbu/cmd/jangbu/traffic", "jangbu/cmd/jangbu/bench", "jangbu/events/bus", "github.com/redis"}},
		{"jangbu/cmd/jangbu/operate", []string{"jangbu/cmd/jangbu/service", "jangbu/cmd/jangbu/analyse", "jangbu/cmd/jangbu/traffic", "jangbu/cmd/jangbu/bench", "jangbu/httpapi", "github.com/redis"}},
		{"jangbu/cmd/jangbu/analyse", []string{"jangbu/cmd/jangbu/service", "jangbu/cmd/jangbu/operate", "jangbu/cmd/jangbu/traffic", "jangbu/cmd/jangbu/bench", "jangbu/httpapi", "jangbu/events/bus", "github.com/redis"}},
		{"jangbu/cmd/jangbu/backup", []string{"jangbu/cmd/jangbu/service", "jangbu/cmd/jangbu/operate", "jangbu/cmd/jangbu/traffic", "jangbu/cmd/jangbu/bench", "jangbu/httpapi", "jangbu/events/bus", "github.com/redis"}},
		{"jangbu/cmd/jangbu/campaigns", []string{"jangbu/cmd/jangbu/service", "jangbu/cmd/jangbu/operate", "jangbu/cmd/jangbu/traffic", "jangbu/cmd/jangbu/bench", "jangbu/httpapi", "jangbu/events/bus", "github.com/redis"}},
		{"jangbu/cmd/jangbu/eventlog", []string{"jangbu/cmd/jangbu/service", "jangbu/cmd/jangbu/operate", "jangbu/cmd/jangbu/traffic", "jangbu/cmd/jangbu/bench", "jangbu/httpapi", "jangbu/events/bus", "github.com/redis"}},
		{"jangbu/cmd/jangbu/privacy", []string{"jangbu/cmd/jangbu/service", "jangbu/cmd/jangbu/operate", "jangbu/cmd/jangbu/analyse", "jangbu/cmd/jangbu/traffic", "jangbu/cmd/jangbu/bench", "jangbu/httpapi", "jangbu/events/bus", "github.com/redis"}},
		{"jangbu/cmd/jangbu/traffic", []string{"jangbu/cmd/jangbu/operate", "jangbu/cmd/jangbu/analyse", "jangbu/cmd/jangbu/bench"}},
		{"jangbu/cmd/jangbu/bench", []string{"jangbu/cmd/jangbu/operate", "jangbu/cmd/jangbu/traffic", "jangbu/events/channels/simulator"}},
		{"jangbu/cmd/jangbu", []string{"testing", "jangbu/events/eventstest", "jangbu/readmodel/readmodeltest"}},
	}
	list := []string{"list", "-f", `{{.ImportPath}} {{join .Deps " "}}`}
	for _, wall := range walls {
		list = append(list, wall.pkg)
	}
	out, err := exec.CommandContext(t.Context(), "go", list...).Output()
	if err != nil {
		t.Fatalf("list what they reach: %v", err)
	}
	reached := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		deps := strings.Fields(line)
		reached[deps[0]] = deps
	}
	for _, wall := range walls {
		t.Run(strings.TrimPrefix(wall.pkg, "jangbu/"), func(t *testing.T) {
			t.Parallel()
			deps := reached[wall.pkg]
			if !slices.Contains(deps, wall.pkg) {
				t.Fatalf("go list did not list %s", wall.pkg)
			}
			for _, dep := range deps {
				for _, never := range wall.never {
					below := strings.TrimSuffix(never, "/") + "/"
					if dep == never || dep != wall.pkg && strings.HasPrefix(dep, below) && dep != "database/sql/driver" {
						t.Errorf("%s reaches %s", wall.pkg, dep)
					}
				}
			}
		})
	}
}
