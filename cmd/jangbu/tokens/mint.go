package tokens

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/httpapi/auth"
)

// mintCommand mints a token for the read API, for development.
type mintCommand struct {
	JWTSecretFile []string      `env:"JANGBU_JWT_SECRET_FILE" placeholder:"[KID=]FILE" help:"Secret that signs the token, as of serve: the first of several. Required."`
	Create        bool          `help:"Make a secret if there is no such file."`
	JWTIssuer     string        `env:"JANGBU_JWT_ISSUER" default:"jangbu" placeholder:"NAME" help:"Issuer of the token, as of serve (${default})."`
	JWTAudience   string        `env:"JANGBU_JWT_AUDIENCE" default:"jangbu" placeholder:"NAME" help:"Audience of the token, as of serve (${default})."`
	TokenRole     string        `aliases:"role" default:"owner" enum:"owner,analyst,ops" placeholder:"ROLE" help:"What its bearer may do: ${enum} (${default})."`
	Shop          []events.Shop `aliases:"store" sep:"none" placeholder:"ID" help:"A shop whose campaigns an owner sees. Can be repeated; an owner needs one."`
	Subject       string        `default:"dev" placeholder:"NAME" help:"Subject of the token (${default})."`
	For           time.Duration `default:"1h" placeholder:"DURATION" help:"How long the token is valid (${default}; at most 720h). Serve takes 24h, or its --token-max-life."`
	JSON          bool          `help:"Print the token and what is in it as one JSON object."`
}

// Help implements kong's detailed help.
func (mintCommand) Help() string {
	return `Signs a token (HS256) for the read API of a service that was started with the same
--jwt-secret-file, --jwt-issuer and --jwt-audience. It is meant for development: where
users log in, their identity provider issues tokens, and serve gets its --jwks-url.

Examples:
  jangbu token --jwt-secret-file jwt.secret --create --shop store-1
  jangbu token mint --jwt-secret-file jwt.secret --token-role analyst --for 12h --json
  curl -H "Authorization: Bearer $(jangbu token --jwt-secret-file jwt.secret --token-role ops)" \
    http://127.0.0.1:8080/api/events/EVENT/analytics`
}

// maxValidity bounds how long a token is valid, whatever serve takes.
const maxValidity = 30 * 24 * time.Hour

// Run prints the token.
func (c mintCommand) Run(t cli.Terminal) error {
	switch {
	case len(c.JWTSecretFile) == 0:
		return fmt.Errorf("%w: --jwt-secret-file: required", cli.ErrUsage)
	case c.For < time.Second || c.For > maxValidity:
		return fmt.Errorf("%w: --for: %v is not between 1s and 720h", cli.ErrUsage, c.For)
	case c.JWTIssuer == "":
		return fmt.Errorf("%w: --jwt-issuer: is empty", cli.ErrUsage)
	case c.JWTAudience == "":
		return fmt.Errorf("%w: --jwt-audience: is empty", cli.ErrUsage)
	}
	if c.Create {
		_, path := cutFile(c.JWTSecretFile[0])
		if err := CreateSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	secrets, err := ReadSecrets(c.JWTSecretFile[:1])
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: --jwt-secret-file: %w; --create makes one", cli.ErrUsage, err)
	} else if err != nil {
		return fmt.Errorf("%w: --jwt-secret-file: %w", cli.ErrUsage, err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	expires := now.Add(c.For).Truncate(time.Second)
	who := auth.Identity{Subject: c.Subject, Role: auth.Role(c.TokenRole), Shops: c.Shop}
	token, err := who.Sign(secrets[0], c.JWTIssuer, c.JWTAudience, now, expires)
	if err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	if !c.JSON {
		t.Printf("%s", token)
		return nil
	}
	return json.NewEncoder(t.Out).Encode(struct {
		Token     string        `json:"token"`
		ExpiresAt time.Time     `json:"expiresAt"`
		Role      string        `json:"role"`
		Stores    []events.Shop `json:"stores"`
	}{token, expires, c.TokenRole, append([]events.Shop{}, c.Shop...)})
}
