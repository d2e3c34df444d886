package eventlog

// Command shows the log, and copies it to a file and back.
type Command struct {
	Tail     tailCommand     `cmd:"" help:"Show the last events of the log, and those to come."`
	Show     showCommand     `cmd:"" help:"Show one event, whole."`
	Withdraw withdrawCommand `cmd:"" help:"Say that events do not count, or count again."`
	Export   exportCommand   `cmd:"" help:"Write the log, or a part of it, to a file."`
	Import   importCommand   `cmd:"" help:"Put an exported log into an empty one."`
}

// eventsAtOnce is how many events are read from the log at a time.
const eventsAtOnce = 1_000
