package cli

import (
	"cmp"
	"fmt"
	"time"
)

// ZoneConfig is the flag of every command that prints times for people.
type ZoneConfig struct {
	TZ string `name:"tz" env:"JANGBU_TZ" default:"Asia/Seoul" placeholder:"ZONE" help:"Time zone of times, days and hours (${default})."`
}

// Times prints times in one zone, each with its offset, in a form that flags take.
type Times struct{ zone *time.Location }

// Times returns how the command prints times; [ErrUsage] if there is no such zone.
func (c ZoneConfig) Times() (Times, error) {
	zone, err := c.Location()
	if err != nil {
		return Times{}, fmt.Errorf("%w: --tz: %w", ErrUsage, err)
	}
	return Times{zone}, nil
}

// Location returns the time zone; an error if there is none of that name.
func (c ZoneConfig) Location() (*time.Location, error) {
	zone, err := time.LoadLocation(cmp.Or(c.TZ, "Asia/Seoul")) // an empty variable is as if unset
	if err != nil {
		return nil, fmt.Errorf("%q is no IANA time zone such as Asia/Seoul", c.TZ)
	}
	return zone, nil
}

// TimeForm is the form of times that are printed for people, to the second.
const TimeForm = "2006-01-02T15:04:05-07:00"

// Format returns a time to the second, as 2026-11-24T09:00:00+09:00.
func (t Times) Format(at time.Time) string { return at.In(t.zone).Format(TimeForm) }

// Exact returns a time with all digits that it has.
func (t Times) Exact(at time.Time) string {
	return at.In(t.zone).Format("2006-01-02T15:04:05.999999999-07:00")
}
