package tokens

// Command is jangbu token.
type Command struct {
	Mint     mintCommand     `cmd:"" default:"withargs" help:"Sign a token for the read API, for development."`
	Withdraw withdrawCommand `cmd:"" help:"Take a right to read from a subject, whose tokens go on."`
}
