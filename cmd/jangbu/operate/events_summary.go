package operate

import (
	"strconv"
	"strings"

	"jangbu/events"
)

// summary returns the content of an event in a few words.
func summary(e events.Event) string {
	switch e := e.(type) {
	case *events.EventCreated:
		return "shop " + legible(string(e.Shop)) + ", " + strconv.Quote(e.Title)
	case *events.ParticipantRegistered:
		s := legible(e.Participant)
		if e.Channel != "" {
			s += " through " + legible(e.Channel)
		}
		switch {
		case e.NewCustomer == nil:
		case *e.NewCustomer:
			s += ", new"
		default:
			s += ", returning"
		}
		return s
	case *events.DistributionCompleted:
		names := make([]string, len(e.Channels))
		for i, d := range e.Channels {
			names[i] = string(d.Channel)
		}
		return "to " + strings.Join(names, ", ")
	case *events.ChannelStatsFetched:
		var figures []string
		for _, f := range []struct {
			name  string
			value *int64
		}{
			{"impressions", e.Impressions},
			{"views", e.Views},
			{"clicks", e.Clicks},
			{"likes", e.Likes},
			{"comments", e.Comments},
			{"shares", e.Shares},
		} {
			if f.value != nil {
				figures = append(figures, f.name+" "+strconv.FormatInt(*f.value, 10))
			}
		}
		return string(e.Channel) + ": " + strings.Join(figures, ", ")
	default:
		return ""
	}
}

// legible returns a name that a producer chose, in quotes if it holds a space, a quote or a
// character that does not print.
func legible(s string) string {
	for _, r := range s {
		if r == ' ' || r == '"' || !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}
