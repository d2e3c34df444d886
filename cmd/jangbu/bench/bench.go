package bench

// Command measures this machine.
type Command struct {
	Read   benchReadCommand   `cmd:"" help:"Measure the read API over loopback, beside a bare handler that writes the same bytes."`
	Ingest benchIngestCommand `cmd:"" help:"Measure from the topics to log and rows, beside bare writes of the same rows and the obvious design."`
	Replay benchReplayCommand `cmd:"" help:"Fold a large log anew, beside a bare read of the same rows."`
	Drive  driveCommand       `cmd:"" hidden:"" help:"The clients of read, in a process of their own; standard input says what to read."`
}
