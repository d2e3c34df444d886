package channels

import (
	"errors"
	"fmt"
	"time"
)

// Schedule determines how often a campaign is polled.
type Schedule struct {
	// Youngest is the interval of a campaign that has just been distributed, and the
	// shortest interval. 0 means [DefaultYoungest].
	Youngest time.Duration
	// Oldest is the longest interval. 0 means [DefaultOldest], or Youngest where that
	// is longer.
	Oldest time.Duration
	// AfterEnd is how long a campaign is polled after its end. 0 means
	// [DefaultAfterEnd].
	AfterEnd time.Duration
}

// Defaults of a [Schedule].
const (
	DefaultYoungest = time.Minute
	DefaultOldest   = time.Hour
	DefaultAfterEnd = 7 * 24 * time.Hour
)

// ageIntervals is how many intervals the age of a campaign has. A total that grows no
// faster than before changes by at most a sixtieth from one poll to the next.
const ageIntervals = 60

// Interval returns the time between two polls at an age, counted from the distribution: a
// sixtieth of the age, at least Youngest and at most Oldest. By default that is a minute
// within the first hour, and grows to an hour after two and a half days.
func (s Schedule) Interval(age time.Duration) time.Duration {
	s = s.withDefaults()
	return min(max(age/ageIntervals, s.Youngest), s.Oldest)
}

// Validate returns an error for negative and contradictory durations.
func (s Schedule) Validate() error {
	switch {
	case s.Youngest < 0 || s.Oldest < 0 || s.AfterEnd < 0:
		return errors.New("a duration is below 0")
	case s.Youngest > 0 && s.Oldest > 0 && s.Oldest < s.Youngest:
		return fmt.Errorf("the longest interval, %v, is shorter than the shortest, %v", s.Oldest, s.Youngest)
	default:
		return nil
	}
}

func (s Schedule) withDefaults() Schedule {
	if s.Youngest == 0 {
		s.Youngest = DefaultYoungest
	}
	if s.Oldest == 0 {
		s.Oldest = max(DefaultOldest, s.Youngest)
	}
	if s.AfterEnd == 0 {
		s.AfterEnd = DefaultAfterEnd
	}
	return s
}
