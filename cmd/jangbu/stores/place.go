package stores

import (
	"fmt"
	"net/url"
	"os"

	"jangbu/cmd/jangbu/cli"
)

// Place is where a log or its rows are.
type Place struct {
	Postgres string // URL of a PostgreSQL database; empty: SQLite
	Path     string // file of SQLite; of --database-url, its directory
}

// ParsePlace reads a flag. Its errors do not repeat the URL, which may hold a password.
func ParsePlace(s string) (Place, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Place{}, fmt.Errorf("is no URL; expected postgres://… or sqlite:///PATH")
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		return Place{Postgres: s}, nil
	case "sqlite":
		if path := u.Host + u.Path; path != "" && path != "/" {
			return Place{Path: path}, nil
		}
		return Place{}, fmt.Errorf("names no path; expected sqlite:///PATH")
	default:
		return Place{}, fmt.Errorf("expected postgres://… or sqlite:///PATH")
	}
}

// Shown returns where a store is, for operators and without its password, and its kind.
func (u Place) Shown() (at, kind string) {
	if u.Postgres == "" {
		return u.Path, "embedded (SQLite)"
	}
	return Redacted(u.Postgres), "PostgreSQL"
}

// Existing returns [cli.ErrNothing] if there is no such file. A command that only looks
// calls it, so that it makes no empty store whose emptiness could be believed.
func (u Place) Existing() error {
	if u.Postgres != "" {
		return nil
	}
	if _, err := os.Stat(u.Path); err != nil {
		return fmt.Errorf("%w: no store at %s (--data-dir, --log-url, --rows-url and --database-url say where it is)", cli.ErrNothing, u.Path)
	}
	return nil
}

// Redacted returns a URL without its password, also in its query.
func Redacted(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(a URL that cannot be shown)"
	}
	query := u.Query()
	for _, secret := range []string{"password", "sslpassword"} {
		if query.Has(secret) {
			query.Set(secret, "xxxxx")
			u.RawQuery = query.Encode()
		}
	}
	return u.Redacted()
}
