package accesslog

import (
	"log/slog"
	"time"

	"jangbu/events"
	"jangbu/httpapi"
)

// line returns the line of an observation. What is empty is left out.
func line(o httpapi.Observation) slog.Record {
	message := map[httpapi.Phase]string{
		httpapi.Answered: "request", httpapi.StreamBegun: "stream begun", httpapi.StreamEnded: "stream ended",
	}[o.Phase]
	r := slog.NewRecord(o.At.Add(o.Took), slog.LevelInfo, message, 0)
	r.AddAttrs(slog.String("client", o.Client), slog.String("method", o.Method))
	text := func(name, value string) {
		if value != "" {
			r.AddAttrs(slog.String(name, value))
		}
	}
	text("route", o.Route)
	r.AddAttrs(
		slog.Int("status", o.Status), slog.Int64("bytes", o.Bytes),
		slog.Float64("durationMs", float64(o.Took.Microseconds())/1000),
	)
	// Issuers may name subjects by mail addresses, and earlier releases have kept ids that
	// are phone numbers.
	text("subject", events.MaskPersonal(o.Subject))
	text("role", string(o.Role))
	text("campaign", events.MaskPersonal(string(o.Campaign)))
	text("shop", events.MaskPersonal(string(o.Shop)))
	text("reason", o.Reason)
	return r
}

// missed returns the line about lines that are missing.
func missed(lines int64) slog.Record {
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "lines are missing here", 0)
	r.AddAttrs(slog.Int64("lines", lines))
	return r
}
