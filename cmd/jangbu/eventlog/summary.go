package eventlog

import (
	"strconv"
	"strings"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
)

// summary returns the content of an event in a few words.
func summary(e events.Event) string {
	switch e := e.(type) {
	case *events.EventCreated:
		s := "shop " + cli.Legible(string(e.Shop)) + ", " + strconv.Quote(e.Title)
		if e.MovedBy != "" {
			s += ", moved by " + e.MovedBy + ": " + e.MovedWhy
		}
		return s
	case *events.EventsWithdrawn:
		return strconv.Itoa(len(e.Positions)) + " withdrawn by " + e.Who + ": " + e.Why
	case *events.ParticipantRegistered:
		s := cli.Legible(e.Participant)
		if e.Channel != "" {
			s += " through " + cli.Legible(e.Channel)
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
