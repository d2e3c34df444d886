package tokens

// Command is jangbu token.
type Command struct {
	Mint mintCommand `cmd:"" default:"withargs" help:"Sign a token for the read API, for development."`
}
