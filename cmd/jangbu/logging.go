package main

import (
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
)

// logConfig says how a command logs.
type logConfig struct {
	LogLevel  string `env:"JANGBU_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"Least level that is logged: ${enum} (${default})."`
	LogFormat string `env:"JANGBU_LOG_FORMAT" default:"text" enum:"text,json" placeholder:"FORMAT" help:"Form of the log: ${enum} (${default})."`
}

// quiet leaves the terminal to the command's output: unless another level than the
// default was chosen, only errors are logged.
func (c *logConfig) quiet() {
	if c.LogLevel == "info" {
		c.LogLevel = "error"
	}
}

func (c logConfig) logger(t terminal) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // the flag's enum lets only levels through
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(t.err, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(t.err, &tint.Options{
		Level: level, TimeFormat: time.TimeOnly, NoColor: !isTerminal(t.err),
	}))
}
