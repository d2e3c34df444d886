package accesslog

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"jangbu/events"
	"jangbu/httpapi"
)

// appendLine appends the line of an observation, as slog's JSON handler would write it in three
// times the time. What is empty is left out.
func appendLine(b []byte, o httpapi.Observation) []byte {
	message := "request"
	switch o.Phase {
	case httpapi.StreamBegun:
		message = "stream begun"
	case httpapi.StreamEnded:
		message = "stream ended"
	case httpapi.Answered:
	}
	b = appendHead(b, o.At.Add(o.Took), "INFO", message)
	b = appendText(b, "client", o.Client)
	b = appendText(b, "method", o.Method)
	b = appendText(b, "route", o.Route)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(o.Status), 10)
	b = strconv.AppendInt(append(b, `,"bytes":`...), o.Bytes, 10)
	b = strconv.AppendFloat(append(b, `,"durationMs":`...), float64(o.Took.Microseconds())/1000, 'f', -1, 64)
	// Issuers may name subjects by mail addresses, and earlier releases have kept ids that
	// are phone numbers.
	b = appendText(b, "subject", events.MaskPersonal(o.Subject))
	b = appendText(b, "role", string(o.Role))
	b = appendText(b, "campaign", events.MaskPersonal(string(o.Campaign)))
	b = appendText(b, "shop", events.MaskPersonal(string(o.Shop)))
	b = appendText(b, "reason", o.Reason)
	return append(b, '}', '\n')
}

// appendMissing appends the line about lines that are missing.
func appendMissing(b []byte, lines int64) []byte {
	b = appendHead(b, time.Now(), "WARN", "lines are missing here")
	b = strconv.AppendInt(append(b, `,"lines":`...), lines, 10)
	return append(b, '}', '\n')
}

func appendHead(b []byte, at time.Time, level, message string) []byte {
	b = at.AppendFormat(append(b, `{"time":"`...), time.RFC3339Nano)
	b = append(append(b, `","level":"`...), level...)
	return append(append(append(b, `","msg":"`...), message...), '"')
}

// appendText appends a member, unless it is empty.
func appendText(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	if quoted, err := jsontext.AppendQuote(b, value); err == nil {
		return quoted
	}
	return append(b, `"not UTF-8"`...)
}
