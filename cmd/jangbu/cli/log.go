package cli

import (
	"log/slog"

	"github.com/lmittmann/tint"
)

// LogConfig is the flags that say what a command logs, and in which form.
type LogConfig struct {
	LogLevel  string `env:"JANGBU_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"Least level that is logged: ${enum} (${default})."`
	LogFormat string `env:"JANGBU_LOG_FORMAT" default:"text" enum:"text,json" placeholder:"FORMAT" help:"Form of the log: ${enum} (${default})."`
}

// Quiet leaves the terminal to the command's own output: unless a level other than the
// default was chosen, only errors are logged.
func (c *LogConfig) Quiet() {
	if c.LogLevel == "info" {
		c.LogLevel = "error"
	}
}

// Logger returns a logger that writes to standard error.
func (c LogConfig) Logger(t Terminal) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // the flag's enum lets only levels through
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(t.Err, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(t.Err, &tint.Options{
		Level: level, TimeFormat: "15:04:05-07:00", NoColor: !IsTerminal(t.Err),
	}))
}
